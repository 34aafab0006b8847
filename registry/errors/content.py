"""Blobs, manifests and repositories that are not there, or not what they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from oci_spec.digest import Digest
from oci_spec.reference import Reference, RepositoryName
from registry.errors.root import RegistryError


class BlobUnknown(RegistryError):
    """The repository holds no blob with this digest (that another one does is nobody's business)."""

    def __init__(self, repository: RepositoryName, digest: Digest) -> None:
        self.repository, self.digest = repository, digest
        self.message = f"blob {digest} is not in repository {repository}"

    @property
    def detail(self) -> object:
        return {"digest": str(self.digest)}


class BlobTooLarge(RegistryError):
    """A blob is larger than the limit (bytes)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"a blob may be at most {limit} bytes here"


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


class RangeNotSatisfiable(RegistryError):
    """The Range lies outside the blob (RFC 9110, "416 Range Not Satisfiable")."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.message = f"the range lies outside the blob of {size} bytes"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Content-Range": f"bytes */{self.size}"}


class DescriptionInvalid(RegistryError, ValueError):
    """Text that cannot be a repository's description."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"this description cannot be taken: {reason}"
