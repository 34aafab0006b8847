"""runner import: an image from a root file system."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from oci_spec.image_name import ImageName
from runner.cli import bars, transfers
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images import host
from runner.images.importing import Import, import_archive
from runner.images.spooling import unnamed_file
from runner.layers.archiving import archive
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Make the image and print its id; the status to end with."""
    store, source = Store(places.root), arguments.words[0]
    name = ImageName.parse(arguments.words[1]).tagged() if len(arguments.words) > 1 else None
    if name is not None and name.tag is None:
        raise Failed("cannot import digest reference")
    if "://" in source:
        raise Failed("runner import reads no URLs: download the archive first, or pipe it to `runner import -`")
    wanted = Import(
        transfers.platform(arguments) or host.platform(),
        arguments.text("message") or f"Imported from {source}",
        arguments.texts("change"),
        name,
    )
    with _opened(store, source) as file:
        image = asyncio.run(import_archive(store, file, wanted, bars.watcher(quiet=True)))
    print(image.id)
    return 0


@contextmanager
def _opened(store: Store, source: str) -> Iterator[BinaryIO]:
    """The archive: a file, standard input, or what is made of a directory."""
    path = Path(source)
    if source != "-" and path.is_dir():
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with unnamed_file(store) as file:
                archive(folder, file)
                file.seek(0)
                yield file
        finally:
            os.close(folder)
        return
    with nullcontext(sys.stdin.buffer) if source == "-" else path.open("rb") as file:
        yield file
