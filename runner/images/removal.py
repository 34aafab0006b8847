"""Removing images: their names first, and what nobody names any more with the last of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from runner.store import finding, index
from runner.store.collection import Collected, collect
from runner.store.errors import ImageInUse
from runner.store.folders import Store
from runner.store.index import Image, Index


class Removed(NamedTuple):
    """What a removal did: names that mean nothing any more, then the ids of images, and of their layers."""

    untagged: tuple[str, ...]
    images: tuple[Digest, ...]
    layers: tuple[Digest, ...]
    size: int

    def lines(self) -> Iterator[str]:
        """The same as docker tells it."""
        yield from (f"Untagged: {name}" for name in self.untagged)
        yield from (f"Deleted: {digest}" for digest in (*self.images, *self.layers))


def remove(store: Store, text: str, *, force: bool = False) -> Removed:
    """Remove the name that `text` is; with its last tag, or where `text` is an id, the image.

    Raises:
        ImageUnknown, ImageAmbiguous: `text` means no one image.
        ImageInUse: it is the id of an image in several repositories, and `force` is not set.
    """
    with index.changing(store) as images:
        image = finding.find(images, text)
        name = finding.name_of(images, text)
        if name is not None and _has_other_names(image, name):
            images.untag(name)
            return Removed((name.familiar(),), (), (), 0)
        if name is None and not force and len({tag.familiar_repository() for tag in image.tags}) > 1:
            raise ImageInUse(text, "image is referenced in multiple repositories (must be forced)")
        untagged = _forget(images, image)
    collected = collect(store)
    return Removed(untagged, (image.id,), collected.layers, collected.size)


def prune(store: Store, may_go: Callable[[Image], bool]) -> Removed:
    """Remove each image that `may_go`, and all that no image needs, unfinished pulls too."""
    untagged: tuple[str, ...] = ()
    gone: list[Digest] = []
    with index.changing(store) as images:
        for image in images.images():
            if may_go(image):
                untagged += _forget(images, image)
                gone.append(image.id)
    collected: Collected = collect(store, unfinished=True)
    return Removed(untagged, tuple(gone), collected.layers, collected.size)


def _has_other_names(image: Image, name: ImageName) -> bool:
    """Whether the image is still called something without the name; its digests go with the last tag."""
    if any(tag != name for tag in image.tags):
        return True
    return name.digest is not None and any(digest != name for digest in image.digests)


def _forget(images: Index, image: Image) -> tuple[str, ...]:
    images.remove(image.id)
    return tuple(name.familiar() for name in (*image.tags, *image.digests))
