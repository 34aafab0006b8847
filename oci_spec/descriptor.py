"""Descriptors: how one piece of content names another (image-spec, "OCI Content Descriptors")."""

from dataclasses import dataclass, field

from oci_spec.digest import Digest


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on (image-spec, "OCI Image Index", `platform`).

    `os` and `architecture` have Go's names; both are "unknown" for what does not run, such as attestations, and empty
    where the document leaves them out.
    """

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None
    os_features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Descriptor:
    """The type, identity and size in bytes of some content, and what else its author says about it.

    `urls` are places to download it from, `data` is the content itself in base 64; neither has been checked.
    """

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: dict[str, str] | None = field(default=None, hash=False)
    platform: Platform | None = None
    artifact_type: str | None = None
    data: str | None = field(default=None, repr=False)
