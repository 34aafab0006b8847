"""The smallest documents of each kind, for tests to start from and change."""

import json
from collections.abc import Mapping

from oci_spec import media_types

DIGEST = "sha256:" + "0" * 64
OTHER_DIGEST = "sha512:" + "1" * 128


def descriptor(media_type: str = "application/octet-stream", **fields: object) -> dict[str, object]:
    """A descriptor, with these fields added or replaced."""
    return {"mediaType": media_type, "digest": DIGEST, "size": 2} | fields


def image(**fields: object) -> dict[str, object]:
    """An OCI image manifest of one layer, with these fields added or replaced."""
    minimal: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": descriptor(media_types.OCI_CONFIG),
        "layers": [descriptor(media_types.OCI_LAYER_GZIP)],
    }
    return minimal | fields


def index(**fields: object) -> dict[str, object]:
    """An OCI image index of one manifest, with these fields added or replaced."""
    minimal: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_INDEX,
        "manifests": [descriptor(media_types.OCI_MANIFEST)],
    }
    return minimal | fields


def without(document: Mapping[str, object], *names: str) -> dict[str, object]:
    """The document without these fields."""
    return {name: value for name, value in document.items() if name not in names}


def encoded(document: object) -> bytes:
    """The document's bytes."""
    return json.dumps(document).encode()
