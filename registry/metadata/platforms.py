"""Platforms of index entries, as the text of one column."""

from __future__ import annotations

import json

from oci_spec.descriptor import Platform


def encode_platform(platform: Platform | None) -> str | None:
    """Give the column's text for `platform`."""
    if platform is None:
        return None
    fields = [platform.os, platform.architecture, platform.variant, platform.os_version, list(platform.os_features)]
    return json.dumps(fields, separators=(",", ":"))


def decode_platform(text: str | None) -> Platform | None:
    """Give the platform that `encode_platform` made `text` of."""
    if text is None:
        return None
    system, architecture, variant, os_version, os_features = json.loads(text)
    return Platform(
        os=system,
        architecture=architecture,
        variant=variant,
        os_version=os_version,
        os_features=tuple(os_features),
    )
