"""Placing a client's files below a directory, without taking anything away from what is there."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

from registry.certificates import files
from registry.client_files.target import ClientFile


class InTheWay(Exception):
    """There are other files where some should go; those of `shared` have to be completed by a person."""

    def __init__(self, files: Sequence[Path], shared: Sequence[Path]) -> None:
        self.files, self.shared = tuple(files), tuple(shared)

    def __str__(self) -> str:
        text = f"nothing was written, because there is already: {', '.join(map(str, self.files))}"
        if self.shared:
            text += f"; add to {', '.join(map(str, self.shared))} yourself what is shown for it without --write"
        return text


def write(wanted: Sequence[ClientFile], root: Path) -> list[Path]:
    """Place files below `root`, as if that were `/`; what was written. Those that are there as wanted stay.

    Raises:
        InTheWay: others are there; nothing was written.
        OSError: a file cannot be read or written.
    """
    return _write(wanted, root, [file for file in wanted if _is_other(file, _place(file, root))])


def overwrite(wanted: Sequence[ClientFile], root: Path) -> list[Path]:
    """The same, in place of other files; but shared ones, which may hold more than the registry's settings, are kept.

    Raises:
        InTheWay: a shared one has to be completed; nothing was written.
        OSError: a file cannot be read or written.
    """
    others = [file for file in wanted if file.is_shared and _is_other(file, _place(file, root))]
    return _write(wanted, root, others)


def _write(wanted: Sequence[ClientFile], root: Path, others: Sequence[ClientFile]) -> list[Path]:
    if others:
        shared = [_place(file, root) for file in others if file.is_shared]
        raise InTheWay([_place(file, root) for file in others], shared)
    written = []
    for file in wanted:
        path = _place(file, root)
        if file.is_shared and path.exists():
            continue
        if path.exists() and path.read_text() == file.content and path.stat().st_mode & 0o777 == file.mode:
            continue
        files.replace(path, file.content.encode(), file.mode)
        written.append(path)
    return written


def _place(file: ClientFile, root: Path) -> Path:
    return root / file.path.relative_to("/")


def _is_other(file: ClientFile, path: Path) -> bool:
    """Whether there is a file that does not say what it should."""
    if not path.exists():
        return False
    there = path.read_text(errors="replace")
    return there != file.content and not (file.is_shared and _says(there, file))


def _says(there: str, file: ClientFile) -> bool:
    """Whether a shared file has the settings already, among others. Of YAML, which nothing here reads, never."""
    parse = {".json": json.loads, ".toml": tomllib.loads}.get(file.path.suffix)
    if parse is None:
        return False
    try:
        return _holds(parse(there), parse(file.content))
    except ValueError:
        return False


def _holds(there: object, wanted: object) -> bool:
    if isinstance(there, dict) and isinstance(wanted, dict):
        return all(key in there and _holds(there[key], value) for key, value in wanted.items())
    if isinstance(there, list) and isinstance(wanted, list):
        return all(item in there for item in wanted)
    return there == wanted
