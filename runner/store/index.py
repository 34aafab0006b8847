"""The images of a store and their names: one file, replaced as a whole, so that readers need no lock."""

from __future__ import annotations

from oci_spec.digest import Digest
from oci_spec.errors import OciSpecError
from oci_spec.image_name import ImageName
from runner.json_text import decode, encode
from runner.records import Record
from runner.store.errors import ImageUnknown, IndexInvalid
from runner.store.folders import Store, write_durably

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runner.store.locks import Held

_VERSION = 1


class Image(Record):
    """An image of one platform; its id is the digest of its configuration, as docker's.

    `tags` are names with a tag, `digests` names with the digest under which the image came from a registry, or went
    there. `layers` are the chain IDs, the lowest first; `size` is what all of them take unpacked, in bytes. `created`
    and `added` are times as RFC 3339 writes them; `created` is "" where the image does not say.
    """

    id: Digest
    manifest: Digest
    layers: tuple[Digest, ...]
    size: int
    created: str
    added: str
    tags: tuple[ImageName, ...] = ()
    digests: tuple[ImageName, ...] = ()


class Index:
    """All images of a store, in the order in which they were added, to be looked at or changed."""

    def __init__(self, images: Iterable[Image] = ()) -> None:
        self._images = {image.id: image for image in images}

    def images(self) -> tuple[Image, ...]:
        """All of them."""
        return tuple(self._images.values())

    def get(self, image_id: Digest) -> Image | None:
        """The image with this id."""
        return self._images.get(image_id)

    def named(self, name: ImageName) -> Image | None:
        """The image that has the name, which has a tag or a digest, and where it has both only the digest counts."""
        for image in self._images.values():
            if name.digest is None:
                if name in image.tags:
                    return image
            elif name.with_digest(name.digest) in image.digests:
                return image
        return None

    def put(self, image: Image) -> Image:
        """Add an image. One that is there already keeps its names, and is known by the new manifest from now on."""
        known = self._images.get(image.id)
        if known is not None:
            image = image._replace(
                added=known.added,
                tags=_united(known.tags, image.tags),
                digests=_united(known.digests, image.digests),
            )
        self._images[image.id] = image
        return image

    def tag(self, image_id: Digest, name: ImageName) -> Image | None:
        """Let `name` (with a tag) mean the image; what it meant before, if that was another one.

        Raises:
            ImageUnknown: there is no such image.
        """
        if image_id not in self._images:
            raise ImageUnknown(str(image_id))
        before = self.named(name)
        if before is not None and before.id == image_id:
            return None
        if before is not None:
            self.untag(name)
        image = self._images[image_id]
        self._images[image_id] = image._replace(tags=(*image.tags, name))
        return before

    def add_digest(self, image_id: Digest, name: ImageName) -> None:
        """Let `name` (with a digest, and no tag) mean the image."""
        before = self.named(name)
        if before is not None and before.id != image_id:
            self.untag(name)
        image = self._images[image_id]
        self._images[image_id] = image._replace(digests=_united(image.digests, (name,)))

    def untag(self, name: ImageName) -> None:
        """Let `name` mean nothing any more; the image stays."""
        for image in self._images.values():
            if name in image.tags or name in image.digests:
                self._images[image.id] = image._replace(
                    tags=tuple(tag for tag in image.tags if tag != name),
                    digests=tuple(digest for digest in image.digests if digest != name),
                )

    def remove(self, image_id: Digest) -> None:
        """Forget an image with all its names; its content stays until it is collected."""
        self._images.pop(image_id, None)


def read(store: Store) -> Index:
    """What the store holds now.

    Raises:
        IndexInvalid: the file is none of this program's.
    """
    path = store.path("index.json")
    try:
        with open(path, encoding="utf-8") as file:
            document: Any = decode(file.read())
        if document["version"] != _VERSION:
            raise IndexInvalid(path, f"it has version {document['version']}, and this program writes {_VERSION}")
        return Index(map(_image, document["images"]))
    except FileNotFoundError:
        return Index()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexInvalid(path, str(error)) from error


class changing:  # noqa: N801 - read as a verb, as the functions beside it
    """Within it, what the store holds, for changes that take effect together at its end; nobody else makes any.

    Raises:
        IndexInvalid: the file is none of this program's.
    """

    __slots__ = ("_before", "_index", "_lock", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock: Held = store.locked()

    def __enter__(self) -> Index:
        self._lock.__enter__()
        try:
            self._index = read(self._store)
        except BaseException:
            self._lock.__exit__()
            raise
        self._before = self._index.images()
        return self._index

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            if kind is None and self._index.images() != self._before:
                write_durably(self._store.path("index.json"), _document(self._index))
        finally:
            self._lock.__exit__()


def _united(first: tuple[ImageName, ...], second: tuple[ImageName, ...]) -> tuple[ImageName, ...]:
    return (*first, *(name for name in second if name not in first))


def _image(document: dict[str, Any]) -> Image:
    try:
        return Image(
            id=Digest.parse(document["id"]),
            manifest=Digest.parse(document["manifest"]),
            layers=tuple(map(Digest.parse, document["layers"])),
            size=int(document["size"]),
            created=str(document["created"]),
            added=str(document["added"]),
            tags=tuple(map(ImageName.parse, document["tags"])),
            digests=tuple(map(ImageName.parse, document["digests"])),
        )
    except OciSpecError as error:
        raise ValueError(str(error)) from error


def _document(index: Index) -> bytes:
    images = [
        {
            "id": str(image.id),
            "manifest": str(image.manifest),
            "layers": [str(layer) for layer in image.layers],
            "size": image.size,
            "created": image.created,
            "added": image.added,
            "tags": [str(name) for name in image.tags],
            "digests": [str(name) for name in image.digests],
        }
        for image in index.images()
    ]
    return encode({"version": _VERSION, "images": images}).encode()
