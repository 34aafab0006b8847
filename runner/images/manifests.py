"""From a manifest to what has to be brought: the right image of an index, its configuration, its layers."""

from __future__ import annotations

from collections.abc import Sequence

from oci_spec.chain_id import chain_ids
from oci_spec.descriptor import Descriptor, Platform
from oci_spec.image_config import ImageConfig, parse_image_config
from oci_spec.manifest import Manifest
from oci_spec.media_types import IMAGE_CONFIG_TYPES, is_layer_like
from oci_spec.platforms import nearest, runs, text_of
from runner.images.bringing import WantedLayer
from runner.images.errors import (
    ImageContradictory,
    LayerTypeUnsupported,
    NotAnImage,
    PlatformDiffers,
    PlatformMissing,
)
from runner.limits import CONFIG_BYTES, LAYERS

# Layers whose bytes nobody but their publisher can read.
_ENCRYPTED = "+encrypted"


def child_for(index: Manifest, platform: Platform, name: str) -> Descriptor:
    """The image of an index that fits the platform best.

    Raises:
        PlatformMissing: none runs on it.
    """
    offered = [descriptor.platform for descriptor in index.manifests]
    found = nearest(offered, platform)
    if found is None:
        texts = sorted({text_of(each) for each in offered if each is not None and each.os not in {"", "unknown"}})
        raise PlatformMissing(name, text_of(platform), texts)
    return index.manifests[found]


def config_descriptor(manifest: Manifest, name: str) -> Descriptor:
    """Where the configuration of an image is.

    Raises:
        NotAnImage: the manifest is one of something else, which only looks the same.
        LayerTypeUnsupported: it has layers that cannot be unpacked.
    """
    config = manifest.config
    if config is None:
        raise NotAnImage(name, "an index lists it where it should list an image")
    if config.media_type not in IMAGE_CONFIG_TYPES:
        raise NotAnImage(name, f"it is an artifact of type {manifest.artifact_type or config.media_type}")
    if config.size > CONFIG_BYTES:
        raise NotAnImage(name, f"its configuration has more than {CONFIG_BYTES} bytes")
    if len(manifest.layers) > LAYERS:
        raise NotAnImage(name, f"it has more than the {LAYERS} layers that can be mounted")
    for layer in manifest.layers:
        if not is_layer_like(layer.media_type) or layer.media_type.endswith(_ENCRYPTED):
            raise LayerTypeUnsupported(layer.media_type)
    return config


def parse_config(content: bytes, manifest: Manifest) -> ImageConfig:
    """What the configuration of this manifest's image says.

    Raises:
        ImageConfigInvalid: it is none.
        ImageContradictory: it has other layers than the manifest.
    """
    config = parse_image_config(content)
    if len(config.diff_ids) != len(manifest.layers):
        raise ImageContradictory(
            f"the manifest has {len(manifest.layers)} layers, the configuration {len(config.diff_ids)}"
        )
    return config


def check_platform(config: ImageConfig, wanted: Platform, name: str) -> None:
    """Return if the image runs on the platform that somebody asked for.

    Raises:
        PlatformDiffers: it does not.
    """
    if not runs(config.platform, wanted):
        raise PlatformDiffers(name, text_of(wanted), text_of(config.platform))


def wanted_layers(layers: Sequence[Descriptor], config: ImageConfig) -> list[WantedLayer]:
    """The layers of an image, the lowest first."""
    return [
        WantedLayer(descriptor.digest, descriptor.size, diff_id, chain_id)
        for descriptor, diff_id, chain_id in zip(layers, config.diff_ids, chain_ids(config.diff_ids), strict=True)
    ]
