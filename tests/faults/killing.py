"""Killing a process of a registry at a chosen moment, and waiting until it is gone."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from tests.registry.app.processes import wait_for_end

_X86_64: Final = {
    17: "pread64", 18: "pwrite64", 74: "fsync", 75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir",
    87: "unlink", 263: "unlinkat", 264: "renameat", 296: "pwritev",
}  # fmt: skip
_GENERIC: Final = {
    34: "mkdirat", 35: "unlinkat", 38: "renameat", 46: "ftruncate", 67: "pread64", 68: "pwrite64", 70: "pwritev",
    82: "fsync", 83: "fdatasync", 276: "renameat2",
}  # fmt: skip
_CALLS: Final = _X86_64 if platform.machine() == "x86_64" else _GENERIC
# Between the bytes' arrival and the answer, a push does little but wait for these.
_DURABLE: Final = ("fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink", "unlinkat")
_PATIENCE_S: Final = 0.3


def wait_for_durable_call(pid: int) -> None:
    """Return when a thread of the process is seen to sync, rename or remove a file; or after a while."""
    deadline = time.monotonic() + _PATIENCE_S
    with _call_files(pid) as files:
        while time.monotonic() < deadline and not any(call in _DURABLE for call in _calls(files)):
            pass


def wait_for_open_file(pid: int, name: str) -> None:
    """Return when the process, which has just begun, has opened the file of this name."""
    files = Path(f"/proc/{pid}/fd")
    while not any(_target(link).endswith(f"/{name}") for link in files.iterdir()):
        pass


def calls(pid: int) -> list[str]:
    """The system calls on files that the process's threads are in; nothing where the system does not tell."""
    with _call_files(pid) as files:
        return _calls(files)


async def kill(
    pids: Iterable[int], chance: Random, seen: Counter[str], before: Callable[[], None] = lambda: None
) -> None:
    """Kill these processes, as one power cut would, or when one of them is in the middle of making something durable.

    `seen` counts in which calls they were; `before` is called at the last moment.
    """
    victims = list(pids)
    chance.shuffle(victims)
    if chance.random() < 0.5:
        await asyncio.to_thread(wait_for_durable_call, chance.choice(victims))
    during = [call for pid in victims for call in calls(pid)]
    before()
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    seen.update(during or ["none of them"])
    for pid in victims:
        await asyncio.to_thread(wait_for_end, pid)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@contextmanager
def _call_files(pid: int) -> Iterator[list[int]]:
    files: list[int] = []
    try:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                files.append(os.open(task / "syscall", os.O_RDONLY))  # noqa: PERF401 - what is open will be closed
        yield files
    finally:
        for file in files:
            os.close(file)


def _calls(files: list[int]) -> list[str]:
    found = []
    for file in files:
        with suppress(OSError):
            number = os.pread(file, 16, 0).partition(b" ")[0]
            if number.isdigit() and int(number) in _CALLS:
                found.append(_CALLS[int(number)])
    return found
