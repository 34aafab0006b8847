"""runner save: images as an archive."""

from __future__ import annotations

from contextlib import suppress

from oci_spec.errors import ImageNameInvalid
from oci_spec.image_name import ImageName
from runner.cli import archive_file
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images.saving import Saved, save
from runner.store import finding, index
from runner.store.folders import Store
from runner.store.index import Index


def run(arguments: Arguments, places: Places) -> int:
    """Write the archive to a file, or to standard output; the status to end with."""
    store = Store(places.root)
    images = index.read(store)
    chosen = _merged([_chosen(images, text) for text in arguments.words])
    with archive_file.opened(arguments.text("output")) as output:
        save(store, chosen, output)
    return 0


def _chosen(images: Index, text: str) -> Saved:
    """An image, with the name that was given, or all of a repository's."""
    image = finding.find(images, text)
    name = finding.name_of(images, text)
    if name is None or name.tag is None:
        return image, ()
    with suppress(ImageNameInvalid):
        if not ImageName.parse(text).is_tagged:
            return image, tuple(tag for tag in image.tags if tag.repository == name.repository)
    return image, (name,)


def _merged(chosen: list[Saved]) -> list[Saved]:
    """Each image once, with all names that were given."""
    images = {image.id: image for image, _ in chosen}
    names: dict[object, dict[ImageName, None]] = {image_id: {} for image_id in images}
    for image, own in chosen:
        names[image.id].update(dict.fromkeys(own))
    return [(image, tuple(names[image_id])) for image_id, image in images.items()]
