"""runner images: what is in the store."""

from __future__ import annotations

from collections.abc import Iterator

from oci_spec.image_name import ImageName
from runner.cli.filters import Filters, matches
from runner.cli.main import Places
from runner.cli.output import ago, clock_text, listing, size_text
from runner.cli.parsing import Arguments
from runner.store import index
from runner.store.folders import Store
from runner.store.index import Image

_NONE = "<none>"
_COLUMNS = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "Size": "SIZE",
}
_FILTERS = ("dangling", "label", "label!", "before", "since", "until", "reference")


def run(arguments: Arguments, places: Places) -> int:
    """List the images; the status to end with."""
    store = Store(places.root)
    filters = Filters.parse(arguments.texts("filter"), store, known=_FILTERS)
    pattern = arguments.words[0] if arguments.words else None
    digests, whole = arguments.flag("digests"), arguments.flag("no-trunc")
    images = sorted(index.read(store).images(), key=lambda image: image.created, reverse=True)
    rows = [
        _row(image, name, digest, whole=whole)
        for image in images
        if filters.take(image)
        for name, digest in _names(image, with_digests=digests)
        if (pattern is None or (name is not None and matches(pattern, name)))
        and (not filters.references or (name is not None and filters.take_name(name)))
    ]
    if arguments.flag("quiet"):
        print("".join(f"{row['ID']}\n" for row in rows), end="")
        return 0
    columns = {field: head for field, head in _COLUMNS.items() if digests or field != "Digest"}
    print(listing(rows, columns, arguments.text("format")), end="")
    return 0


def _names(image: Image, *, with_digests: bool) -> Iterator[tuple[ImageName | None, str]]:
    """The rows of an image: each name with the digest that it has at its registry."""
    digests = {name.familiar_repository(): str(name.digest) for name in image.digests}
    for tag in image.tags:
        yield tag, digests.get(tag.familiar_repository(), _NONE)
    tagged = {tag.familiar_repository() for tag in image.tags}
    rest = [name for name in image.digests if name.familiar_repository() not in tagged]
    if with_digests or not image.tags:
        yield from ((name, str(name.digest)) for name in rest)
    if not image.tags and not rest:
        yield None, _NONE


def _row(image: Image, name: ImageName | None, digest: str, *, whole: bool) -> dict[str, object]:
    return {
        "Containers": "N/A",
        "CreatedAt": clock_text(image.created),
        "CreatedSince": ago(image.created),
        "Digest": digest,
        "ID": str(image.id) if whole else image.id.encoded[:12],
        "Repository": _NONE if name is None else name.familiar_repository(),
        "SharedSize": "N/A",
        "Size": size_text(image.size),
        "Tag": _NONE if name is None or name.tag is None else str(name.tag),
        "UniqueSize": "N/A",
        "VirtualSize": size_text(image.size),
    }
