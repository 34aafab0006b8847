"""Everything that can go wrong, and the one table that says how each is answered.

The tree::

    RegistryError
    ├── BlobUnknown              the repository holds no such blob
    ├── UploadUnknown            no such upload session, or it is not this repository's
    ├── UploadConflict           another request is writing to the same session
    ├── UploadRangeInvalid       a chunk does not start where the session ends
    ├── SizeInvalid              a body is longer or shorter than it said
    ├── BodyIncomplete           the client went away, or stalled, in the middle of a body
    ├── DigestMissing            an upload is closed without a digest
    ├── DigestMismatch           the content is not what its digest says
    ├── RepositoryUnknown        nothing was ever pushed there
    ├── ManifestUnknown          the repository holds no such manifest or tag
    ├── ManifestBlobUnknown      a manifest refers to content that the repository does not hold
    ├── ManifestTooLarge, BlobTooLarge
    ├── ParameterInvalid         a query parameter or header that cannot be read
    ├── AccountNameInvalid, PatternInvalid, TagPatternInvalid
    ├── PasswordInvalid          a new password that is too short, or cannot be used
    ├── TagProtected, RepositoryProtected   what would be moved or removed is protected
    ├── ProtectionUnknown, ProtectionsTooMany
    ├── TagNotRestorable         a tag has no such past, or what it named is gone
    ├── TagParametersTooMany     a push names more tags than one request may
    ├── PageSizeInvalid          `n` is not a count
    ├── RangeNotSatisfiable      a Range that lies outside the blob
    ├── RouteUnknown, MethodNotAllowed
    ├── RequestInvalid           a request that HTTP itself does not allow
    ├── RequestHeadTooLarge      a request's line or a header field is too long
    ├── Unauthorized             who is asking is not known, or their credentials do not reach this far
    │   ├── CredentialsMalformed an `Authorization` header that cannot be read
    │   └── TokenInvalid         a bearer token that proves nothing
    ├── Denied                   who is asking is known, and may not
    ├── KeyFileInvalid, SigningKeysUnreadable
    ├── TooManyRequests
    └── Unavailable              the registry cannot answer now
        ├── DatabaseBusy, DatabaseUnavailable
        ├── DirectoryUnavailable the names and passwords that others keep cannot be asked
        ├── ShuttingDown
        └── StorageFull          (507) no space is left for bytes or rows

Errors of `oci_spec` (malformed text) and `storage_backends` (broken disks) are answered by the same table.
An error carries values; its sentence is made here, once. Handlers raise and never build an error's body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oci_spec import errors as spec
from oci_spec.digest import Digest
from oci_spec.error_codes import ErrorCode
from oci_spec.reference import TAG_MAX_LENGTH, Reference, RepositoryName, Tag
from storage_backends import errors as storage

RETRY_AFTER_S = 5


class RegistryError(Exception):
    """What the registry refuses or cannot do; `message` is the sentence for the client."""

    message = "the registry could not do this"

    @property
    def detail(self) -> object | None:
        """The specification's free-form `detail`, or None."""
        return None

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that the answer carries beside the body."""
        return {}

    def __str__(self) -> str:
        return self.message


class BlobUnknown(RegistryError):
    """The repository holds no blob with this digest (that another one does is nobody's business)."""

    def __init__(self, repository: RepositoryName, digest: Digest) -> None:
        self.repository, self.digest = repository, digest
        self.message = f"blob {digest} is not in repository {repository}"

    @property
    def detail(self) -> object:
        return {"digest": str(self.digest)}


class UploadUnknown(RegistryError):
    """There is no such upload session in this repository, or it has expired."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        self.message = "this upload session does not exist here or has expired; start a new one"


class UploadConflict(RegistryError):
    """Two requests wrote to one upload session at the same time; this one changed nothing."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        self.message = "another request is writing to this upload session; ask for its status and go on from there"


class UploadRangeInvalid(RegistryError):
    """A chunk does not begin where the session ends; the session lives on at `offset`.

    `resume` are the headers that tell where to go on, set by the route that knows its paths.
    """

    def __init__(self, upload_id: str, offset: int, start: int) -> None:
        self.upload_id, self.offset, self.start = upload_id, offset, start
        self.resume: Mapping[str, str] = {}
        self.message = f"the chunk starts at byte {start}, but the upload stands at byte {offset}"

    @property
    def headers(self) -> Mapping[str, str]:
        return self.resume


class SizeInvalid(RegistryError):
    """A body is longer or shorter than its Content-Range or Content-Length said; sizes in bytes."""

    def __init__(self, declared: int, received: int) -> None:
        self.declared, self.received = declared, received
        self.message = f"the body holds {received} bytes where {declared} were declared"


class BodyIncomplete(RegistryError):
    """The request's body ended early or stalled; what came before is kept where the protocol can resume."""

    message = "the request's body ended before it was complete"


class DigestMissing(RegistryError):
    """An upload cannot be closed without the digest of its content."""

    message = "the query parameter 'digest' is missing; closing an upload needs the digest of the whole blob"


class DigestMismatch(RegistryError):
    """The bytes that came do not have the digest that was named."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        self.expected, self.actual = expected, actual
        self.message = f"the content has the digest {actual}, not {expected}"

    @property
    def detail(self) -> object:
        return {"expected": str(self.expected), "actual": str(self.actual)}


class RepositoryUnknown(RegistryError):
    """Nothing was ever pushed to a repository of this name."""

    def __init__(self, repository: RepositoryName) -> None:
        self.repository = repository
        self.message = f"repository {repository} does not exist"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository)}


class ManifestUnknown(RegistryError):
    """The repository holds no manifest under this tag or digest."""

    def __init__(self, repository: RepositoryName, reference: Reference) -> None:
        self.repository, self.reference = repository, reference
        self.message = f"manifest {reference} is not in repository {repository}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "reference": str(self.reference)}


class ManifestBlobUnknown(RegistryError):
    """A manifest names layers, a config or children that its repository does not hold; all of them are listed."""

    def __init__(self, repository: RepositoryName, missing: Sequence[Digest]) -> None:
        self.repository, self.missing = repository, tuple(missing)
        self.message = f"{len(self.missing)} blobs or manifests that this manifest names are not in {repository}"


class ManifestTooLarge(RegistryError):
    """A manifest is larger than the limit (bytes)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"a manifest may be at most {limit} bytes"


class BlobTooLarge(RegistryError):
    """A blob is larger than the limit (bytes)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"a blob may be at most {limit} bytes here"


class ParameterInvalid(RegistryError):
    """A query parameter or header cannot be read."""

    def __init__(self, name: str, expected: str) -> None:
        self.name, self.expected = name, expected
        self.message = f"{name}: expected {expected}"

    @property
    def detail(self) -> object:
        return {"parameter": self.name, "expected": self.expected}


class AccountNameInvalid(RegistryError, ValueError):
    """Text that cannot be the name of a person, a robot, an organisation or a team."""

    def __init__(self, text: str, longest: int) -> None:
        self.text = text[:longest]
        self.message = (
            f"{self.text!r} is no account's name: lower-case letters and digits, with a single '.' or '_', two '_' or "
            f"any number of '-' between, {longest} characters at most; a robot's is NAMESPACE+NAME"
        )


class PatternInvalid(RegistryError, ValueError):
    """Text that is no pattern of repositories."""

    def __init__(self, text: str, longest: int) -> None:
        self.text = text[:longest]
        self.message = f"{self.text!r} is no repository's name and no pattern like 'team/*', 'team/app-*' or '*'"


class PasswordInvalid(RegistryError, ValueError):
    """A new password cannot be taken; the password itself is in no message."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"this password cannot be taken: {reason}"


class TagPatternInvalid(RegistryError, ValueError):
    """Text that is no pattern of tags."""

    def __init__(self, text: str) -> None:
        self.text = text[:TAG_MAX_LENGTH]
        self.message = f"{self.text!r} is no tag and no pattern of tags like 'v1.*' or '*'"


class TagProtected(RegistryError):
    """Tags that are protected name something, and a request would have moved or removed them.

    `stored` is the manifest of a push, which is kept: others of its tags may name it.
    """

    def __init__(self, repository: RepositoryName, tags: Sequence[Tag], *, stored: Digest | None = None) -> None:
        self.repository, self.tags, self.stored = repository, tuple(tags), stored
        names = ", ".join(map(str, self.tags))
        self.message = f"protected in {repository}, neither to be moved nor removed: {names}"
        if stored is not None:
            self.message += f"; the manifest is stored as {stored}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tags": [str(tag) for tag in self.tags]}


class RepositoryProtected(RegistryError):
    """A repository has protected tags, `tag` among them, and would be removed without a word about them."""

    def __init__(self, repository: RepositoryName, tag: Tag) -> None:
        self.repository, self.tag = repository, tag
        self.message = (
            f"repository {repository} has protected tags, {tag} among them; say that they shall go too, with "
            "`?protected=remove` or `--protected-too`"
        )

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tag": str(self.tag)}


class TagNotRestorable(RegistryError):
    """A tag cannot name again what it named before; `reason` says why."""

    def __init__(self, repository: RepositoryName, tag: Tag, reason: str) -> None:
        self.repository, self.tag, self.reason = repository, tag, reason
        self.message = f"tag {tag} of {repository} cannot be restored: {reason}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tag": str(self.tag)}


class ProtectionUnknown(RegistryError):
    """No tags of the repository are protected by this pattern."""

    def __init__(self, repository: RepositoryName, pattern: str) -> None:
        self.repository, self.pattern = repository, pattern
        self.message = f"repository {repository} has no protection {pattern}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "pattern": self.pattern}


class ProtectionsTooMany(RegistryError):
    """A repository has as many protections as it may have."""

    def __init__(self, repository: RepositoryName, limit: int) -> None:
        self.repository, self.limit = repository, limit
        self.message = f"repository {repository} has {limit} protections, the most; a pattern protects many tags"


class TagParametersTooMany(RegistryError):
    """A manifest push names more tags than one request may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"a push may name at most {limit} tags; name the others in further pushes of the same manifest"


class PageSizeInvalid(RegistryError):
    """`n` is not a count of entries."""

    message = "n: expected a whole number of entries, 0 or more"


class RangeNotSatisfiable(RegistryError):
    """The Range lies outside the blob (RFC 9110, "416 Range Not Satisfiable")."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.message = f"the range lies outside the blob of {size} bytes"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Content-Range": f"bytes */{self.size}"}


class RouteUnknown(RegistryError):
    """No resource has this path."""

    message = "no such resource; the API is described at /api/v1/openapi.json"


class MethodNotAllowed(RegistryError):
    """The resource exists but does not take this method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        self.message = f"this resource takes {', '.join(self.allowed)}"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class RequestInvalid(RegistryError):
    """A request that cannot be understood as HTTP or breaks a bound on its head."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"the request cannot be read: {reason}"


class RequestHeadTooLarge(RegistryError):
    """A request's line, or one of its header fields, is longer than the limit (bytes)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"the request's line and each of its header fields may be at most {limit} bytes"


class Unauthorized(RegistryError):
    """Who is asking is not known, or their credentials do not reach this far."""

    message = "authentication is required"

    def __init__(self, challenge: str = "", message: str = "") -> None:
        """Have the answer's `WWW-Authenticate` be `challenge`, and say `message` in place of the usual sentence."""
        self.challenge = challenge
        if message:
            self.message = message

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": self.challenge} if self.challenge else {}


class CredentialsMalformed(Unauthorized):
    """The `Authorization` header cannot be read."""

    message = "the Authorization header is neither Basic nor Bearer credentials that could be read"


class TokenInvalid(Unauthorized):
    """A bearer token proves nothing; `reason` goes to the log, never to the client, who might learn from it."""

    message = "the token is not valid here, or has expired; fetch a new one"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class KeyFileInvalid(RegistryError):
    """`auth.key_file` names no file with a key."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.message = f"auth.key_file: {path}: {reason}"


class SigningKeysUnreadable(RegistryError):
    """The keys that sign tokens are in the database, and this process cannot make use of them."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"the keys that sign tokens cannot be used: {reason}"


class Denied(RegistryError):
    """Who is asking is known and may not do this."""

    message = "this is not allowed"


class TooManyRequests(RegistryError):
    """The client asks more often than it may; after `retry_after_s` it may again."""

    message = "too many requests; try again later"

    def __init__(self, retry_after_s: int = RETRY_AFTER_S) -> None:
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class Unavailable(RegistryError):
    """The registry cannot answer now and may a moment later. `cause` goes to the log, never to the client."""

    message = "the registry cannot do this right now; try again"

    def __init__(self, cause: str = "") -> None:
        self.cause = cause

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_AFTER_S)}


class DatabaseBusy(Unavailable):
    """The database stayed locked, or the transaction kept colliding, for longer than a request may wait."""

    message = "the registry's database is busy; try again"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or cannot be written."""

    message = "the registry's database is not available; try again"


class DirectoryUnavailable(Unavailable):
    """The directory or the file that knows names and passwords cannot be asked."""

    message = "logins cannot be proved right now; try again"


class ShuttingDown(Unavailable):
    """This process is about to stop and takes no new work."""

    message = "this node is shutting down; try again"


class StorageFull(Unavailable):
    """No space is left for bytes or rows."""

    message = "the registry has no space left"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a class of errors is answered: the specification's code and the HTTP status."""

    code: ErrorCode
    status: int


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """One element of the `errors` list (distribution-spec, "Error Codes")."""

    code: ErrorCode
    message: str
    detail: object | None = None


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A whole answer to an error: status, entries and headers, for any body format."""

    status: int
    entries: tuple[ErrorEntry, ...]
    headers: Mapping[str, str] = field(default_factory=dict)


MANIFEST_UNKNOWN = Meaning(ErrorCode.MANIFEST_UNKNOWN, 404)
BLOB_UNKNOWN = Meaning(ErrorCode.BLOB_UNKNOWN, 404)
NAME_UNKNOWN = Meaning(ErrorCode.NAME_UNKNOWN, 404)
_UNAVAILABLE = Meaning(ErrorCode.UNAVAILABLE, 503)
_FULL = Meaning(ErrorCode.UNAVAILABLE, 507)

# The most specific class of an error's ancestry decides.
MEANINGS: Mapping[type[Exception], Meaning] = {
    # Malformed text.
    spec.OciSpecError: Meaning(ErrorCode.UNSUPPORTED, 400),
    spec.DigestInvalid: Meaning(ErrorCode.DIGEST_INVALID, 400),
    spec.RepositoryNameInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    # NAME_INVALID rather than TAG_INVALID: podman answers the latter by trying other manifest formats.
    spec.TagInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    spec.MediaTypeInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    spec.ManifestInvalid: Meaning(ErrorCode.MANIFEST_INVALID, 400),
    # What was stored is wrong, not what was asked: who reads a configuration says so in an answer of its own.
    spec.ImageConfigInvalid: Meaning(ErrorCode.UNKNOWN, 500),
    # Layouts are read from files by the command line; should one ever come in a request, it is its sender's.
    spec.ImageLayoutInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    # What the registry refuses.
    RegistryError: Meaning(ErrorCode.UNKNOWN, 500),
    BlobUnknown: BLOB_UNKNOWN,
    UploadUnknown: Meaning(ErrorCode.BLOB_UPLOAD_UNKNOWN, 404),
    UploadConflict: Meaning(ErrorCode.BLOB_UPLOAD_INVALID, 409),
    UploadRangeInvalid: Meaning(ErrorCode.BLOB_UPLOAD_INVALID, 416),
    SizeInvalid: Meaning(ErrorCode.SIZE_INVALID, 400),
    BodyIncomplete: Meaning(ErrorCode.BLOB_UPLOAD_INVALID, 400),
    DigestMissing: Meaning(ErrorCode.DIGEST_INVALID, 400),
    DigestMismatch: Meaning(ErrorCode.DIGEST_INVALID, 400),
    RepositoryUnknown: NAME_UNKNOWN,
    ManifestUnknown: MANIFEST_UNKNOWN,
    ManifestBlobUnknown: Meaning(ErrorCode.MANIFEST_BLOB_UNKNOWN, 400),
    ManifestTooLarge: Meaning(ErrorCode.MANIFEST_INVALID, 413),
    BlobTooLarge: Meaning(ErrorCode.SIZE_INVALID, 413),
    ParameterInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    AccountNameInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    PatternInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    PasswordInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    TagPatternInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    TagProtected: Meaning(ErrorCode.DENIED, 403),
    RepositoryProtected: Meaning(ErrorCode.DENIED, 403),
    ProtectionUnknown: NAME_UNKNOWN,
    TagNotRestorable: MANIFEST_UNKNOWN,
    ProtectionsTooMany: Meaning(ErrorCode.UNSUPPORTED, 400),
    TagParametersTooMany: Meaning(ErrorCode.UNSUPPORTED, 414),
    PageSizeInvalid: Meaning(ErrorCode.PAGINATION_NUMBER_INVALID, 400),
    RangeNotSatisfiable: Meaning(ErrorCode.RANGE_INVALID, 416),
    RouteUnknown: Meaning(ErrorCode.UNSUPPORTED, 404),
    MethodNotAllowed: Meaning(ErrorCode.UNSUPPORTED, 405),
    RequestInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    RequestHeadTooLarge: Meaning(ErrorCode.UNSUPPORTED, 431),
    Unauthorized: Meaning(ErrorCode.UNAUTHORIZED, 401),
    KeyFileInvalid: Meaning(ErrorCode.UNAVAILABLE, 503),
    SigningKeysUnreadable: Meaning(ErrorCode.UNAVAILABLE, 503),
    Denied: Meaning(ErrorCode.DENIED, 403),
    TooManyRequests: Meaning(ErrorCode.TOOMANYREQUESTS, 429),
    # What the registry cannot do now.
    Unavailable: _UNAVAILABLE,
    StorageFull: _FULL,
    storage.StorageError: _UNAVAILABLE,
    storage.StorageFull: _FULL,
}

_UNEXPECTED = ErrorAnswer(500, (ErrorEntry(ErrorCode.UNKNOWN, "the registry failed; its log names the cause"),))


def meaning_of(error: Exception) -> Meaning | None:
    """How `error` is answered, or None for one that no table row covers (a defect of the registry)."""
    return next((MEANINGS[kind] for kind in type(error).__mro__ if kind in MEANINGS), None)


def answer(error: Exception, overrides: Mapping[type[Exception], Meaning] | None = None) -> ErrorAnswer:
    """The answer to `error`; `overrides` are a route's own meanings of malformed input."""
    meaning = _override(error, overrides or {}) or meaning_of(error)
    if meaning is None:
        return _UNEXPECTED
    if isinstance(error, ManifestBlobUnknown):
        entries = tuple(_missing_entry(meaning.code, digest) for digest in error.missing)
        return ErrorAnswer(meaning.status, entries, error.headers)
    if isinstance(error, RegistryError):
        return ErrorAnswer(meaning.status, (ErrorEntry(meaning.code, error.message, error.detail),), error.headers)
    if isinstance(error, storage.StorageError):
        # A storage error names keys and system calls: those are for the log.
        stand_in = StorageFull() if meaning is _FULL else Unavailable()
        return ErrorAnswer(meaning.status, (ErrorEntry(meaning.code, stand_in.message),), stand_in.headers)
    return ErrorAnswer(meaning.status, (ErrorEntry(meaning.code, str(error)),))


def _override(error: Exception, overrides: Mapping[type[Exception], Meaning]) -> Meaning | None:
    return next((overrides[kind] for kind in type(error).__mro__ if kind in overrides), None)


def _missing_entry(code: ErrorCode, digest: Digest) -> ErrorEntry:
    return ErrorEntry(code, f"{digest} is not in this repository; push it first", {"digest": str(digest)})
