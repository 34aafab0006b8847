"""Removing images: their names first, and what nobody names any more with the last of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from runner.store import finding, index
from runner.store.collection import Collected, collect
from runner.store.errors import ImageHeld, ImageInUse
from runner.store.folders import Store
from runner.store.index import Image, Index

_SHORT = 12


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


class User(NamedTuple):
    """A container that was made of an image."""

    container: str
    """Its id, short."""
    runs: bool


Users = Callable[[Digest], Sequence[User]]
"""The containers that were made of the image with this id."""


def remove(store: Store, text: str, users_of: Users = lambda _image: (), *, force: bool = False) -> Removed:
    """Remove the name that `text` is; with its last tag, or where `text` is an id, the image.

    An image of which a container runs only loses its name, even by force; one of which a container is left goes by
    force, and what that container needs of it stays.

    Raises:
        ImageUnknown, ImageAmbiguous: `text` means no one image.
        ImageInUse: it is the id of an image in several repositories, and `force` is not set.
        ImageHeld: a container was made of it.
    """
    with index.changing(store) as images:
        image = finding.find(images, text)
        name = finding.name_of(images, text)
        if name is not None and _has_other_names(image, name):
            images.untag(name)
            return Removed((name.familiar(),), (), (), 0)
        if name is None and not force and len({tag.familiar_repository() for tag in image.tags}) > 1:
            raise ImageInUse(text, "image is referenced in multiple repositories (must be forced)")
        users = users_of(image.id)
        _check_users(image, name, users, force=force)
        if any(user.runs for user in users):
            return Removed(_unname(images, image), (), (), 0)
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


def _check_users(image: Image, name: ImageName | None, users: Sequence[User], *, force: bool) -> None:
    short = image.id.encoded[:_SHORT]
    # Those that run weigh more.
    for user in sorted(users, key=lambda user: not user.runs):
        if name is not None:
            if force:
                return
            raise ImageHeld(
                f'unable to remove repository reference "{name.familiar()}" (must force) - '
                f"container {user.container} is using its referenced image {short}"
            )
        if user.runs:
            raise ImageHeld(
                f"unable to delete {short} (cannot be forced) - "
                f"image is being used by running container {user.container}"
            )
        if not force:
            raise ImageHeld(
                f"unable to delete {short} (must be forced) - image is being used by stopped container {user.container}"
            )


def _unname(images: Index, image: Image) -> tuple[str, ...]:
    names = (*image.tags, *image.digests)
    for name in names:
        images.untag(name)
    return tuple(name.familiar() for name in names)


def _has_other_names(image: Image, name: ImageName) -> bool:
    """Whether the image is still called something without the name; its digests go with the last tag."""
    if any(tag != name for tag in image.tags):
        return True
    return name.digest is not None and any(digest != name for digest in image.digests)


def _forget(images: Index, image: Image) -> tuple[str, ...]:
    images.remove(image.id)
    return tuple(name.familiar() for name in (*image.tags, *image.digests))
