"""Progress of layers on standard error: a line each, redrawn on a terminal, written once per stage elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from oci_spec.digest import Digest
from runner.cli.output import size_text
from runner.images.progress import Stage, Watcher

_EVERY_S = 0.1
_BAR = 30
_TOLD_ONCE = frozenset({Stage.DOWNLOADING, Stage.EXTRACTING, Stage.WAITING, Stage.PUSHING})


def watcher(*, quiet: bool) -> Watcher:
    """Who shows how far a transfer has come."""
    if quiet:
        from runner.images.progress import Nobody

        return Nobody()
    return _Redrawn(sys.stderr) if sys.stderr.isatty() else _Written(sys.stderr)


class _Written:
    """For files and pipes: what has changed, and no numbers."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def said(self, text: str) -> None:
        print(text, file=self._output, flush=True)

    def stage(self, digest: Digest, stage: Stage, detail: str = "") -> None:
        if stage not in _TOLD_ONCE:
            self.said(f"{digest.encoded[:12]}: {_words(stage, detail)}")

    def advanced(self, digest: Digest, done: int, total: int | None) -> None:
        pass


def _words(stage: Stage, detail: str) -> str:
    return f"{stage} {detail}" if detail else stage


class _Redrawn:
    """For terminals: the lines of all layers, in the order in which they were first spoken of."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._lines: dict[Digest, str] = {}
        self._stages: dict[Digest, str] = {}
        self._drawn_at = 0.0
        self._drawn = 0

    def said(self, text: str) -> None:
        print(text, file=self._output, flush=True)
        # What stands above it is not redrawn any more.
        self._lines.clear()
        self._drawn = 0

    def stage(self, digest: Digest, stage: Stage, detail: str = "") -> None:
        self._stages[digest] = _words(stage, detail)
        self._lines[digest] = self._stages[digest]
        self._draw()

    def advanced(self, digest: Digest, done: int, total: int | None) -> None:
        share = done / total if total else 0
        filled = int(share * _BAR)
        bar = f"[{'=' * filled}>{' ' * (_BAR - filled)}]"
        of = f"/{size_text(total)}" if total else ""
        self._lines[digest] = f"{self._stages.get(digest, '')} {bar} {size_text(done)}{of}"
        if time.monotonic() - self._drawn_at > _EVERY_S:
            self._draw()

    def _draw(self) -> None:
        columns = os.get_terminal_size(self._output.fileno()).columns
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [f"{digest.encoded[:12]}: {line}"[: columns - 1] for digest, line in self._lines.items()]
        self._output.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        self._output.flush()
        self._drawn = len(lines)
        self._drawn_at = time.monotonic()
