"""runner load: images from an archive."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path

from runner.cli import bars
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images.loading import load
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Load all images of the archive; the status to end with."""
    path = arguments.text("input")
    if path is None and sys.stdin.isatty():
        raise Failed("requested load from stdin, but stdin is empty")
    watcher = bars.watcher(quiet=arguments.flag("quiet"))
    with nullcontext(sys.stdin.buffer) if path is None else Path(path).open("rb") as file:
        loaded = asyncio.run(load(Store(places.root), file, watcher))
    for image, names in loaded:
        for name in names:
            print(f"Loaded image: {name.familiar()}")
        if not names:
            print(f"Loaded image ID: {image.id}")
    return 0
