"""Processes on this machine: started so that they never outlive the run, found again, and what they cost so far."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_DEADLINE_S = 30.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"


@contextmanager
def spawned(
    command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """`command`, which writes to `log`, until the block ends; with it end the processes that it started.

    It also ends when this process is killed.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*_dying_with_us(), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def tree(roots: Iterable[int]) -> list[int]:
    """`roots` and all their descendants, as far as they are alive."""
    children: dict[int, list[int]] = {}
    alive = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            alive.add(int(entry.name))
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [root for root in roots if root in alive]
    while waiting:
        process = waiting.pop()
        if process not in found:
            found.append(process)
            waiting += children.get(process, [])
    return found


def cpu_seconds(processes: Iterable[int]) -> float:
    """User and system time that `processes`, and children of theirs that have ended, have used so far."""
    ticks = 0
    for process in processes:
        if fields := _stat(process):
            ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / _TICKS_PER_S


def busy_seconds() -> float:
    """CPU time that everything on this machine has used since it started."""
    user, nice, system, _idle, _iowait, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(interrupts)) / _TICKS_PER_S


def own_seconds() -> float:
    """CPU time that this process and those of its children that have ended have used so far."""
    return sum(os.times()[:4])


def memory_bytes(processes: Iterable[int]) -> int:
    """The proportional set size of `processes` together: a page that several share counts once."""
    total = 0
    for process in processes:
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue  # It has ended.
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total * 1024


def listeners(port: int) -> list[int]:
    """The processes that listen on a TCP port, as far as this user may know; none behind Docker's own proxy."""
    sockets = set(_listening_sockets(port))
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and sockets & set(_open_sockets(entry)):
            if (entry / "comm").read_text().strip() == "docker-proxy":
                return []
            found.append(int(entry.name))
    return found


def _stat(process: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (the third); None when the process has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The name before them stands in parentheses and may hold anything.
    return text[text.rindex(")") + 2 :].split()


def _listening_sockets(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(table).exists():
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{fields[9]}]"


def _open_sockets(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return  # It has ended, or is another user's.


def _dying_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the process group: politely, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
