"""Manifests of all kinds: OCI image manifests and indexes, Docker's schema 2 manifests and lists.

(image-spec, "OCI Image Manifest" and "OCI Image Index"; distribution-spec, "Pushing Manifests")

A registry stores and returns a manifest's bytes as they were pushed; what is read out of them here is only what it has
to know. So unknown fields, unknown types of content and everything that does not matter to a registry are accepted, and
what two readers could understand differently is refused.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from oci_spec.descriptor import Descriptor, read_descriptor
from oci_spec.errors import ManifestInvalid, ManifestSchemaOneRefused, MediaTypeInvalid
from oci_spec.json_fields import FieldInvalid, JsonFields
from oci_spec.media_types import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1_TYPES,
    parse_content_type,
)
from oci_spec.quoting import quoted
from oci_spec.strict_json import NotStrictJson, parse_object

_SCHEMA_VERSION = 2

_FIELDS = (
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "fsLayers",
    "manifests",
    "subject",
    "annotations",
)
_LOOKALIKES = {name.casefold(): name for name in _FIELDS}


class ManifestKind(StrEnum):
    """What a manifest is made of: a configuration and layers, or other manifests."""

    IMAGE = "image"
    INDEX = "index"


# A manifest that is an image to one reader and an index to another can show each of them different content under one
# digest; so neither kind may have the other's fields, nor those of schema 1.
_FOREIGN_FIELDS = {
    ManifestKind.IMAGE: ("manifests", "fsLayers"),
    ManifestKind.INDEX: ("config", "layers", "fsLayers"),
}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; its bytes are kept beside it.

    An image has a `config` and any number of `layers`, an index any number of `manifests`. `media_type` is what the
    manifest is to be stored and returned as.
    """

    media_type: str
    kind: ManifestKind
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    artifact_type: str | None
    annotations: dict[str, str] | None = field(hash=False)

    @property
    def referrer_artifact_type(self) -> str | None:
        """The artifact type under which the manifest is listed as a referrer of its subject.

        (distribution-spec, "Listing Referrers": an image without one is listed under the type of its configuration)
        """
        if self.artifact_type is not None or self.config is None:
            return self.artifact_type
        return self.config.media_type


def parse_manifest(content: bytes, content_type: str | None) -> Manifest:
    """What the manifest with these bytes says, sent with this Content-Type field (None or empty: without one).

    Without a Content-Type the manifest's own `mediaType` counts, and without that its shape. Time and memory grow with
    the size of `content`; who calls this bounds it.

    Raises:
        ManifestSchemaOneRefused: it is a manifest of Docker's schema 1.
        ManifestInvalid: the content is not a manifest of the type it is said to be.
    """
    declared_type = _declared_type(content_type)
    try:
        fields = JsonFields(parse_object(content))
        fields.refuse_lookalikes(_LOOKALIKES)
        media_type = _media_type(fields, declared_type)
        return _read_manifest(fields, media_type)
    except (NotStrictJson, FieldInvalid) as error:
        raise ManifestInvalid(str(error)) from error


def _declared_type(content_type: str | None) -> str | None:
    if content_type is None or not content_type.strip():
        return None
    try:
        media_type = parse_content_type(content_type)
    except MediaTypeInvalid as error:
        raise ManifestInvalid(f"Content-Type: {error}") from error
    return _check_type(media_type, "Content-Type")


def _check_type(media_type: str, source: str) -> str:
    if media_type in SCHEMA1_TYPES:
        raise ManifestSchemaOneRefused
    if media_type not in MANIFEST_TYPES:
        known = ", ".join(sorted(MANIFEST_TYPES))
        raise ManifestInvalid(f"{source}: {quoted(media_type)} is not the type of a manifest; accepted are {known}")
    return media_type


def _media_type(fields: JsonFields, declared_type: str | None) -> str:
    """The one type that the request and the manifest's own fields agree on."""
    version = fields.natural("schemaVersion")
    if version == 1:
        raise ManifestSchemaOneRefused
    if version != _SCHEMA_VERSION:
        raise fields.wrong("schemaVersion", f"expected {_SCHEMA_VERSION}")
    written = fields.optional_line("mediaType")
    if written is None:
        return declared_type or _type_by_shape(fields)
    _check_type(written, "mediaType")
    if declared_type not in {None, written}:
        raise fields.wrong("mediaType", f"{written} is not the Content-Type it was sent with, {declared_type}")
    return written


def _type_by_shape(fields: JsonFields) -> str:
    # Docker's manifests always have a mediaType, so a manifest without one is OCI's.
    if fields.has("config"):
        return OCI_MANIFEST
    if fields.has("manifests"):
        return OCI_INDEX
    raise fields.wrong("mediaType", "expected it, or a Content-Type, to say what kind of manifest this is")


def _read_manifest(fields: JsonFields, media_type: str) -> Manifest:
    kind = ManifestKind.INDEX if media_type in INDEX_TYPES else ManifestKind.IMAGE
    for name in _FOREIGN_FIELDS[kind]:
        if fields.has(name):
            raise fields.wrong(name, f"must not be in a manifest of type {media_type}")
    config = _optional_descriptor(fields, "config")
    if kind is ManifestKind.IMAGE and config is None:
        raise fields.wrong("config", "expected a descriptor")
    if kind is ManifestKind.INDEX and not fields.has("manifests"):
        raise fields.wrong("manifests", "expected an array of descriptors")
    return Manifest(
        media_type=media_type,
        kind=kind,
        config=config,
        # Images that consist of nothing but a configuration leave their layers out.
        layers=tuple(map(read_descriptor, fields.children("layers"))),
        manifests=tuple(map(read_descriptor, fields.children("manifests"))),
        subject=_optional_descriptor(fields, "subject"),
        artifact_type=fields.optional_line("artifactType"),
        annotations=fields.text_map("annotations"),
    )


def _optional_descriptor(fields: JsonFields, name: str) -> Descriptor | None:
    child = fields.child(name)
    return None if child is None else read_descriptor(child)
