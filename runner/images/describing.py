"""All that is known of an image, in the form of docker's API ("ImageInspect")."""

from __future__ import annotations

from typing import Any

from oci_spec.strict_json import parse_object
from runner.store import blobs, layers
from runner.store.folders import Store
from runner.store.index import Image

_CONFIG_DEFAULTS: dict[str, Any] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "Env": None,
    "Cmd": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}


def describe(store: Store, image: Image) -> dict[str, Any]:
    """The image, its configuration and where its layers are.

    Raises:
        BlobMissing, BlobDamaged: the store has lost the configuration.
    """
    config = parse_object(blobs.read(store, image.id))
    run = config.get("config")
    document: dict[str, Any] = {
        "Id": str(image.id),
        "RepoTags": [name.familiar() for name in image.tags],
        "RepoDigests": [name.familiar() for name in image.digests],
        "Parent": "",
        "Comment": _comment(config),
        "Created": config.get("created") or "",
        "DockerVersion": config.get("docker_version") or "",
        "Author": config.get("author") or "",
        "Config": {**_CONFIG_DEFAULTS, **(run if isinstance(run, dict) else {})},
        "Architecture": config.get("architecture") or "",
        **({"Variant": config["variant"]} if config.get("variant") else {}),
        "Os": config.get("os") or "",
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": {"Name": "overlay2", "Data": _graph(store, image)},
        "RootFS": {"Type": "layers", "Layers": _diff_ids(config)},
        "Metadata": {"LastTagTime": image.added},
    }
    return document


def _graph(store: Store, image: Image) -> dict[str, str]:
    """The directories as they are given to overlayfs: the uppermost first."""
    directories = [layers.diff(store, chain_id) for chain_id in reversed(image.layers)]
    if not directories:
        return {}
    lower = {"LowerDir": ":".join(directories[1:])} if directories[1:] else {}
    return {**lower, "UpperDir": directories[0]}


def _comment(config: dict[str, object]) -> str:
    history = config.get("history")
    last = history[-1] if isinstance(history, list) and history else {}
    return str(last.get("comment") or "") if isinstance(last, dict) else ""


def _diff_ids(config: dict[str, object]) -> object:
    rootfs = config.get("rootfs")
    return rootfs.get("diff_ids", []) if isinstance(rootfs, dict) else []
