"""runner tag: another name for an image."""

from __future__ import annotations

from oci_spec.image_name import ImageName
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.store import finding, index
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Let the second word mean what the first one does; the status to end with."""
    source, target = arguments.words
    name = ImageName.parse(target).tagged()
    if name.digest is not None or name.tag is None:
        raise Failed("refusing to create a tag with a digest reference")
    with index.changing(Store(places.root)) as images:
        images.tag(finding.find(images, source).id, name)
    return 0
