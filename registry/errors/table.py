"""The one table that says how each error is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oci_spec import errors as spec
from oci_spec.digest import Digest
from oci_spec.error_codes import ErrorCode
from registry.errors.accounts import (
    AccountNameInvalid,
    AccountUnknown,
    CredentialInvalid,
    CredentialsTooMany,
    CredentialUnknown,
    Denied,
    GrantUnknown,
    KeyFileInvalid,
    LastAdministrator,
    LastOwner,
    MemberUnknown,
    NamespaceUnknown,
    NameTaken,
    OrganisationNotEmpty,
    OrganisationUnknown,
    PasswordElsewhere,
    PasswordInvalid,
    PatternInvalid,
    RobotOwner,
    RobotsTooMany,
    SigningKeysUnreadable,
    TeamNameInvalid,
    TeamsTooMany,
    TeamUnknown,
    TrustedKeysInvalid,
    Unauthorized,
)
from registry.errors.availability import StorageFull, Unavailable
from registry.errors.content import (
    BlobTooLarge,
    BlobUnknown,
    DescriptionInvalid,
    ManifestBlobUnknown,
    ManifestTooLarge,
    ManifestUnknown,
    RangeNotSatisfiable,
    RepositoryUnknown,
)
from registry.errors.openid import IdentityUnnamed, TrustInvalid, TrustsTooMany, TrustUnknown
from registry.errors.requests import (
    MethodNotAllowed,
    PageSizeInvalid,
    ParameterInvalid,
    RequestHeadTooLarge,
    RequestInvalid,
    RouteUnknown,
    TooManyRequests,
)
from registry.errors.root import RegistryError
from registry.errors.tags import (
    ProtectionsTooMany,
    ProtectionUnknown,
    RepositoryProtected,
    TagNotRestorable,
    TagParametersTooMany,
    TagPatternInvalid,
    TagProtected,
)
from registry.errors.uploads import (
    BodyIncomplete,
    DigestMismatch,
    DigestMissing,
    SizeInvalid,
    UploadConflict,
    UploadRangeInvalid,
    UploadUnknown,
)
from storage_backends import errors as storage


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
    spec.ImageNameInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    spec.PlatformInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
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
    TeamNameInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    PatternInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    PasswordInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    CredentialInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    DescriptionInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    TagPatternInvalid: Meaning(ErrorCode.NAME_INVALID, 400),
    TagProtected: Meaning(ErrorCode.DENIED, 403),
    RepositoryProtected: Meaning(ErrorCode.DENIED, 403),
    ProtectionUnknown: NAME_UNKNOWN,
    TagNotRestorable: MANIFEST_UNKNOWN,
    ProtectionsTooMany: Meaning(ErrorCode.DENIED, 409),
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
    TrustedKeysInvalid: Meaning(ErrorCode.UNAVAILABLE, 503),
    NameTaken: Meaning(ErrorCode.NAME_INVALID, 409),
    RobotsTooMany: Meaning(ErrorCode.DENIED, 409),
    TeamsTooMany: Meaning(ErrorCode.DENIED, 409),
    MemberUnknown: NAME_UNKNOWN,
    LastOwner: Meaning(ErrorCode.DENIED, 409),
    AccountUnknown: NAME_UNKNOWN,
    TeamUnknown: NAME_UNKNOWN,
    GrantUnknown: NAME_UNKNOWN,
    RobotOwner: Meaning(ErrorCode.UNSUPPORTED, 400),
    CredentialUnknown: NAME_UNKNOWN,
    CredentialsTooMany: Meaning(ErrorCode.DENIED, 409),
    OrganisationUnknown: NAME_UNKNOWN,
    OrganisationNotEmpty: Meaning(ErrorCode.DENIED, 409),
    LastAdministrator: Meaning(ErrorCode.DENIED, 409),
    PasswordElsewhere: Meaning(ErrorCode.DENIED, 409),
    Denied: Meaning(ErrorCode.DENIED, 403),
    NamespaceUnknown: Meaning(ErrorCode.DENIED, 403),
    IdentityUnnamed: Meaning(ErrorCode.NAME_INVALID, 400),
    TrustInvalid: Meaning(ErrorCode.UNSUPPORTED, 400),
    TrustsTooMany: Meaning(ErrorCode.DENIED, 409),
    TrustUnknown: NAME_UNKNOWN,
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
