"""What a container says, written down: a JSON object on a line for each line of it, as docker's `json-file` has them.

A full disk must not stop the container: what cannot be written is dropped.
"""

from __future__ import annotations

import os

from runner.containers.clock import now
from runner.json_text import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from runner.containers.settings import Log

LONGEST_LINE: Final = 16 * 1024
"""A longer line is written in parts, of which only the last ends in a newline."""


class LogWriter:
    """The log of one container, with the files that it had before when they are to be kept."""

    def __init__(self, path: str, settings: Log) -> None:
        self._path = path
        self._settings = settings
        self._begun: dict[str, bytes] = {}
        self._descriptor = -1
        self._size = 0
        if settings.driver != "none":
            self._open(os.O_APPEND)

    def write(self, stream: str, content: bytes) -> None:
        """Write down what has come from `stdout` or `stderr`, but for a line that has not ended."""
        if self._descriptor < 0:
            return
        *ended, begun = (self._begun.pop(stream, b"") + content).split(b"\n")
        lines = [part for line in ended for part in _parts(line + b"\n")]
        *parts, begun = _parts(begun)
        if begun:
            self._begun[stream] = begun
        self._append(stream, lines + parts)

    def close(self) -> None:
        """Write down what has begun, and end."""
        if self._descriptor < 0:
            return
        for stream, rest in self._begun.items():
            self._append(stream, [rest])
        os.close(self._descriptor)
        self._descriptor = -1

    def _append(self, stream: str, lines: list[bytes]) -> None:
        if not lines:
            return
        # One moment for what has come at once: to tell it costs more than all the rest.
        after = f', "stream": "{stream}", "time": "{now()}"}}\n'
        content = "".join([f'{{"log": {encode(line.decode("utf-8", "replace"))}{after}' for line in lines]).encode()
        limit = self._settings.max_size
        if limit is not None and self._size and self._size + len(content) > limit:
            self._rotate()
        try:
            # All of it at once: who reads meanwhile sees whole lines.
            self._size += os.write(self._descriptor, content)
        except OSError:
            return

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self._settings.max_files - 1, 0, -1):
            older = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(older):
                os.rename(older, f"{self._path}.{number}")
        self._open(os.O_TRUNC)

    def _open(self, flag: int) -> None:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o600)
        self._size = os.fstat(self._descriptor).st_size


def _parts(line: bytes) -> list[bytes]:
    if len(line) <= LONGEST_LINE:
        return [line]
    return [line[start : start + LONGEST_LINE] for start in range(0, len(line), LONGEST_LINE)]
