"""Where an archive is written that a command makes: a file, or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runner.cli.errors import Failed


@contextmanager
def opened(output: str | None) -> Iterator[BinaryIO]:
    """The file of that name, which is there as a whole or as it was before; without a name, standard output.

    Only its owner can read the file: what images and containers hold is not everybody's.

    Raises:
        Failed: it would be a terminal, there is something that is no file, or there is no directory for it.
    """
    if not output:
        if sys.stdout.isatty():
            raise Failed("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        yield sys.stdout.buffer
        return
    # A link stays, and leads to the new file then.
    target = Path(output).resolve()
    if target.exists() and not target.is_file():
        raise Failed(f"invalid output path: {output} is there, and is no file")
    if not target.parent.is_dir():
        raise Failed(f"invalid output path: {target.parent} is no directory")
    written = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            yield file
        written.replace(target)
    finally:
        with suppress(FileNotFoundError):
            written.unlink()
