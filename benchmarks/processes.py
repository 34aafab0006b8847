"""Processes on this machine: started so that they never outlive the run, found again, and what they cost so far."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_STOP_DEADLINE_S = 30.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_LISTENING = "0A"
# The parent of all threads of the kernel.
_KTHREADD = 2


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
    for process in _all():
        if fields := _stat(process):
            alive.add(process)
            children.setdefault(int(fields[1]), []).append(process)
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
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def kernel_threads() -> list[int]:
    """The kernel's own threads, which write what others left to them; none where a container hides them."""
    return [process for process in _all() if (fields := _stat(process)) and _KTHREADD in {process, int(fields[1])}]


def shared_bytes(processes: Iterable[int]) -> int:
    """The proportional set size of `processes` together: a page that several share counts once."""
    return sum(_rolled_up(process, "Pss:") for process in processes)


def resident_bytes(processes: Iterable[int]) -> int:
    """The resident set size of `processes`, added up: a page that several share counts for each."""
    total = 0
    for process in processes:
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue  # It has ended.
    return total * _PAGE_SIZE


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


def _all() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(process: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on (the third); None when the process has ended."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The name before them stands in parentheses and may hold anything.
    return text[text.rindex(")") + 2 :].split()


def _rolled_up(process: int, field: str) -> int:
    """A field of /proc/PID/smaps_rollup in bytes, 0 when the process has ended."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(field))


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
