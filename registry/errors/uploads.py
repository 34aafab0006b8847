"""Upload sessions and the bytes that are sent to them."""

from __future__ import annotations

from collections.abc import Mapping

from oci_spec.digest import Digest
from registry.errors.root import RegistryError


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
