"""The media types that a registry has to know by name; all others are stored without being understood.

(image-spec, "OCI Image Media Types"; Docker's "Image Manifest Version 2, Schema 2")
"""

from oci_spec.errors import MediaTypeInvalid

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"

IMAGE_MANIFEST_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
"""Manifests that have a configuration and layers."""

INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_MANIFEST_LIST})
"""Manifests that list other manifests."""

MANIFEST_TYPES = IMAGE_MANIFEST_TYPES | INDEX_TYPES
"""Everything that can be pushed as a manifest."""

SCHEMA1_TYPES = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
"""Manifests of Docker's schema 1, which clients no longer read; known here so that they are refused helpfully."""

IMAGE_CONFIG_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG})
"""Configurations that `oci_spec.image_config` understands; those of other artifacts are opaque."""

_NONDISTRIBUTABLE_PREFIXES = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)
_LAYER_PREFIXES = ("application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.")

_NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"


def parse_content_type(text: str) -> str:
    """The media type that a Content-Type field names: in lower case, without its parameters.

    Raises:
        MediaTypeInvalid: there is no type and subtype in it (RFC 9110, "Media Type").
    """
    media_type = text.partition(";")[0].strip(" \t")
    kind, _, subtype = media_type.partition("/")
    # Nothing is left of a text stripped of all permitted characters exactly when it has no other ones.
    if not kind or not subtype or (kind + subtype).strip(_NAME_CHARACTERS):
        raise MediaTypeInvalid(text)
    return media_type.lower()


def is_nondistributable(media_type: str) -> bool:
    """Whether layers of this type stay with their publisher, so that a registry need not hold their bytes.

    (image-spec, "Non-Distributable Layers"; Docker calls them foreign layers)
    """
    return media_type.startswith(_NONDISTRIBUTABLE_PREFIXES)


def is_layer_like(media_type: str) -> bool:
    """Whether this is some kind of a file system layer: compressed in any way, encrypted or nondistributable.

    Old BuildKit caches are indexes that list such blobs where other indexes list manifests.
    """
    return media_type.startswith(_LAYER_PREFIXES)
