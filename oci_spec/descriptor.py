"""Descriptors: how one piece of content names another (image-spec, "OCI Content Descriptors")."""

from dataclasses import dataclass, field

from oci_spec.digest import Digest
from oci_spec.json_fields import JsonFields


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


_DESCRIPTOR_FIELDS = ("mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType", "data")
_PLATFORM_FIELDS = ("os", "architecture", "variant", "os.version", "os.features")
_DESCRIPTOR_LOOKALIKES = {name.casefold(): name for name in _DESCRIPTOR_FIELDS}
_PLATFORM_LOOKALIKES = {name.casefold(): name for name in _PLATFORM_FIELDS}


def read_descriptor(fields: JsonFields) -> Descriptor:
    """The descriptor that a JSON object of a document is.

    Raises:
        FieldInvalid: a required field is missing, or one is ill-typed.
    """
    fields.refuse_lookalikes(_DESCRIPTOR_LOOKALIKES)
    platform = fields.child("platform")
    return Descriptor(
        media_type=fields.line("mediaType"),
        digest=fields.digest("digest"),
        size=fields.natural("size"),
        urls=fields.texts("urls"),
        annotations=fields.text_map("annotations"),
        platform=None if platform is None else read_platform(platform),
        artifact_type=fields.optional_line("artifactType"),
        data=fields.optional_text("data"),
    )


def read_platform(fields: JsonFields) -> Platform:
    """The platform whose fields a JSON object of a document has, among others or alone.

    Raises:
        FieldInvalid: a field is ill-typed.
    """
    fields.refuse_lookalikes(_PLATFORM_LOOKALIKES)
    return Platform(
        os=fields.optional_line("os") or "",
        architecture=fields.optional_line("architecture") or "",
        variant=fields.optional_line("variant"),
        os_version=fields.optional_line("os.version"),
        os_features=fields.texts("os.features"),
    )
