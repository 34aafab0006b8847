"""What can go wrong between a registry and its client.

    RegistryClientError
    ├── Refused(status, code, message, …)   the registry answered that it will not
    │   ├── Unauthorized             401, after all that the credentials could do; or a token server's refusal
    │   ├── Denied                   403
    │   ├── NotFound                 404
    │   │   ├── RepositoryNotFound
    │   │   ├── ManifestNotFound
    │   │   ├── BlobNotFound
    │   │   └── UploadNotFound
    │   ├── Unsupported              405, or 501
    │   ├── OffsetRefused            416: not the bytes that come next, or no such bytes
    │   ├── RateLimited              429; `retry_after_s` tells how long to stay away
    │   └── Unavailable              5xx; `retry_after_s` as well
    ├── Unreachable(place, reason)   no answer, or not the whole of one
    │   └── Untrusted                the other side's certificate is not to be trusted
    ├── AnswerInvalid(reason)        an answer that no registry may give
    ├── DigestMismatch(expected, actual)
    ├── SizeMismatch(expected, actual)
    ├── TooLarge(limit)              an answer larger than its kind may be
    ├── RedirectRefused(reason)      followed no further: a downgrade, a loop, a place that is none
    ├── RealmRefused(realm, reason)  credentials are not sent to where a challenge points
    ├── CredentialsInvalid(reason)   credentials that cannot be sent at all
    ├── CredentialsNotKept(reason)   a login that cannot be kept for later, or is not found where it was kept
    └── SourceChanged(size)          what is pushed has another size than it was said to have

Texts of the other side are cut, and free of control characters; URLs come without their queries, which may be secrets.
"""

from __future__ import annotations

from oci_spec.digest import Digest
from registry_client import limits


class RegistryClientError(Exception):
    """The root of this room's errors."""


class Refused(RegistryClientError):
    """The registry answered `status` with the specification's error `code` ("" without one) and a `message`.

    `method` and `url` tell what was asked for; `retry_after_s` how long the registry wants to be left alone.
    """

    def __init__(
        self, status: int, *, code: str, message: str, method: str, url: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.method = method
        self.url = url
        self.retry_after_s = retry_after_s

    def as_unauthorized(self) -> Unauthorized:
        """The same refusal, of a token server that does not take the credentials, whatever status it says so by."""
        return Unauthorized(
            self.status,
            code=self.code,
            message=self.message,
            method=self.method,
            url=self.url,
            retry_after_s=self.retry_after_s,
        )

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.code, self.message) if part)
        return f"{self.method} {self.url} was answered {self.status}{': ' if said else ''}{said}"


class Unauthorized(Refused):
    """The credentials, or their absence, do not suffice."""


class Denied(Refused):
    """The registry knows who asks, and refuses."""


class NotFound(Refused):
    """What was asked for is not there, or not for who asks."""


class RepositoryNotFound(NotFound):
    """There is no such repository."""


class ManifestNotFound(NotFound):
    """The repository holds no such manifest."""


class BlobNotFound(NotFound):
    """The repository holds no such blob."""


class UploadNotFound(NotFound):
    """The upload session has ended or never was."""


class Unsupported(Refused):
    """The registry does not do this."""


class OffsetRefused(Refused):
    """The range does not begin where an upload's next bytes do, or lies outside a blob."""


class RateLimited(Refused):
    """Too many requests."""


class Unavailable(Refused):
    """The registry failed; another time it may not."""


class Unreachable(RegistryClientError):
    """The connection to `place` could not be made, broke or stalled, for `reason`."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.place} does not answer: {cleaned(self.reason)}"


class Untrusted(Unreachable):
    """The connection could not be secured: trying again will not help."""

    def __str__(self) -> str:
        return f"the connection to {self.place} cannot be secured: {cleaned(self.reason)}"


class AnswerInvalid(RegistryClientError):
    """An answer breaks the specification in a way that cannot be lived with, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class DigestMismatch(RegistryClientError):
    """Content has the digest `actual`, and was to have `expected`."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(str(expected), str(actual))
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"expected {self.expected}, and the content is {self.actual}"


class SizeMismatch(RegistryClientError):
    """Content has, or is said to have, `actual` bytes (at least), and was to have `expected`."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(expected, actual)
        self.expected = expected
        self.actual = actual

    def __str__(self) -> str:
        return f"expected {self.expected} bytes, not {self.actual}"


class TooLarge(RegistryClientError):
    """An answer has more than the `limit` bytes that its kind may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"the answer is larger than {self.limit} bytes"


class RedirectRefused(RegistryClientError):
    """A place that an answer points to is not gone to, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RealmRefused(RegistryClientError):
    """A challenge points to `realm`, where nothing is sent, for `reason`."""

    def __init__(self, realm: str, reason: str) -> None:
        super().__init__(realm, reason)
        self.realm = realm
        self.reason = reason

    def __str__(self) -> str:
        return f"no token is asked for at {self.realm!r}: {self.reason}"


class CredentialsInvalid(RegistryClientError):
    """Credentials cannot be sent, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CredentialsNotKept(RegistryClientError):
    """A login cannot be kept, or found again, for `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SourceChanged(RegistryClientError):
    """What is pushed gave fewer or more bytes than the `size` that were asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"{self.size} bytes were to be sent, and there are fewer or more of them"


def cleaned(text: str, characters: int = limits.MESSAGE_CHARACTERS) -> str:
    """A text of the other side as it may be shown to people: one line, cut, nothing that moves a cursor."""
    # Cut first: to look at each character of a long text takes long. What is cut off could not be shown anyway.
    shown = "".join(character if character.isprintable() else " " for character in text[: 2 * characters])
    line = " ".join(shown.split())
    return line if len(line) <= characters else line[: characters - 1] + "…"
