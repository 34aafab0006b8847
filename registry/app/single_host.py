"""What only one host may use at a time: a SQLite database, and a directory of blobs that is not said to be shared.

A mark beside it names the host, by what the kernel calls this boot: alike for all processes and containers of a
machine, and another one after its restart. While a registry runs it changes its mark every few seconds. Who finds the
mark of another boot watches it for a while: one that changes is of a host that lives. So neither clocks nor names of
hosts count, and a mark that was left behind is in nobody's way.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.app.refusals import UsedElsewhere
from registry.config import Config

_BEAT_S: Final = 3.0
_WATCH_S: Final = 4 * _BEAT_S
_REMOVAL_S: Final = 2.0
_LOOK_S: Final = 0.25
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
# Written over in place, at one go: that needs no room on a full disk.
_MARK_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class SingleHost:
    """The marks of this host in all places that it alone may use; `remedy` says for each what else can be done."""

    remedies: dict[Path, str]

    @classmethod
    def of(cls, config: Config) -> SingleHost:
        """The marks that a registry with this configuration needs."""
        remedies = {}
        file = config.database.url.sqlite_file
        if file is not None:
            remedies[file.with_name(f"{file.name}-host")] = "SQLite is for one host, several need PostgreSQL"
        if config.storage.backend == "filesystem" and not config.storage.filesystem.shared:
            root = config.storage.filesystem.root
            remedies[root / "host"] = "where it is one directory for all nodes, say storage.filesystem.shared = true"
        return cls(remedies)

    def require_free(self) -> None:
        """Return when no other host uses any of the places; that takes a while where one has left its mark.

        Raises:
            UsedElsewhere: one does.
        """
        left = {mark: found for mark in self.remedies if (found := _foreign(mark)) is not None}
        until = time.monotonic() + _WATCH_S
        while left and time.monotonic() < until:
            time.sleep(_LOOK_S)
            for mark, found in list(left.items()):
                now = _foreign(mark)
                if now is None:
                    del left[mark]
                elif now != found:
                    raise UsedElsewhere(mark.parent, _host_of(now), self.remedies[mark])

    @contextmanager
    def kept(self, lost: Callable[[UsedElsewhere], None]) -> Iterator[None]:
        """Change the marks every few seconds while the block runs; `lost` is told when another host puts its own there.

        It does so where it took this one for dead. A thread does it, which nobody waits for: a disk may never answer.
        """
        ended = threading.Event()
        if self.remedies:
            threading.Thread(target=self._beat, args=(ended, lost), name="single host", daemon=True).start()
        try:
            yield
        finally:
            ended.set()

    def release(self) -> None:
        """Let another host go on at once; where another registry here goes on, it puts its mark there again."""
        removing = threading.Thread(target=self._remove, name="single host", daemon=True)
        removing.start()
        removing.join(_REMOVAL_S)

    def _beat(self, ended: threading.Event, lost: Callable[[UsedElsewhere], None]) -> None:
        beats = 0
        while not ended.is_set():
            beats += 1
            for mark, remedy in self.remedies.items():
                found = _foreign(mark)
                if beats > 1 and found is not None:
                    lost(UsedElsewhere(mark.parent, _host_of(found), remedy))
                    return
                # A disk that takes no writes for a while is no reason to end.
                with suppress(OSError):
                    _write(mark, beats)
            ended.wait(_BEAT_S)

    def _remove(self) -> None:
        for mark in self.remedies:
            with suppress(OSError):
                mark.unlink()


def _foreign(mark: Path) -> bytes | None:
    """What stands in the mark of another host; None where there is none.

    One that names no host is nobody's: a full disk, or a kill, left it behind before anything was written there.
    """
    try:
        found = mark.read_bytes()
    except OSError:
        return None
    return None if _part(found, "boot") in (None, _boot()) else found


def _write(mark: Path, beats: int) -> None:
    text = json.dumps({"host": socket.gethostname(), "boot": _boot(), "process": os.getpid(), "beats": beats})
    descriptor = os.open(mark, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        os.pwrite(descriptor, text.encode().ljust(_MARK_BYTES), 0)
    finally:
        os.close(descriptor)


def _host_of(found: bytes) -> str:
    return _part(found, "host") or "of another name"


def _part(found: bytes, name: str) -> str | None:
    try:
        value = json.loads(found)[name]
    except (ValueError, KeyError, TypeError):
        return None
    return str(value)


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return socket.gethostname()
