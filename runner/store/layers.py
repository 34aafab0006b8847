"""Layers, unpacked once under their chain IDs, for all images that share them."""

from __future__ import annotations

import os

from oci_spec.digest import Digest
from runner.json_text import decode
from runner.store.folders import Store

RECORD = "layer.json"
"""The file beside a layer's `diff` that says what was unpacked."""


def has(store: Store, chain_id: Digest) -> bool:
    """Whether the layer is there, whole."""
    return os.path.exists(store.layer(chain_id))


def diff(store: Store, chain_id: Digest) -> str:
    """The directory that overlayfs takes for the layer."""
    return f"{store.layer(chain_id)}/diff"


def size(store: Store, chain_id: Digest) -> int:
    """The bytes of the layer's files.

    Raises:
        FileNotFoundError: the layer is not there.
    """
    with open(f"{store.layer(chain_id)}/{RECORD}", encoding="utf-8") as file:
        record = decode(file.read())
    assert isinstance(record, dict)
    return int(record["size"])
