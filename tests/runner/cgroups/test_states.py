"""Processes that cannot be stopped (root)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cgroups import group, hierarchies, waiting
from runner.cgroups.errors import CgroupFailed
from runner.cgroups.group import Cgroup
from runner.cgroups.resources import Resources

pytestmark = pytest.mark.root

# It reads into a page that only a user of userfaultfd(2) could fill, which is itself: it waits in the kernel for good,
# and only a signal that kills ends that. So do users of a file system whose own process has been stopped before them.
_UNSTOPPABLE = """
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
faults = libc.syscall(323 if os.uname().machine == "x86_64" else 282, 0)
if faults < 0:
    sys.exit("this kernel has no userfaultfd")
fcntl.ioctl(faults, 0xC018AA3F, struct.pack("QQQ", 0xAA, 0, 0))
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 4096, 3, 0x22, -1, ctypes.c_long(0))
fcntl.ioctl(faults, 0xC020AA00, struct.pack("QQQQ", page, 4096, 1, 0))
print(hex(page), flush=True)
libc.read(os.open("/dev/zero", os.O_RDONLY), ctypes.c_void_p(page), ctypes.c_size_t(1))
"""


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    """A cgroup on a host that has version 1 alone."""
    host = hierarchies.detect()
    host = host._replace(hierarchies=tuple(each for each in host.hierarchies if each.version == 1))
    if host.find("freezer") is None:
        pytest.skip("this host has no freezer of version 1")
    cgroup = group.create(host, f"/moorage-states-{os.getpid()}", Resources())
    yield cgroup
    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(waiting, "TIMEOUT_S", 10.0)
        cgroup.delete()


@pytest.fixture
def unstoppable(cgroup: Cgroup) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _UNSTOPPABLE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        cgroup.enter(process.pid)
        assert process.stdout
        page = process.stdout.readline().strip()
        if not page:
            pytest.skip("a process that cannot be stopped takes userfaultfd(2)")
        # It has only said that it is about to.
        while page not in Path(f"/proc/{process.pid}/syscall").read_text():
            assert process.poll() is None
        yield process
        process.kill()
        # Were it left half stopped by what is tested, it would not even die.
        cgroup.thaw()


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "TIMEOUT_S", 0.2)


def test_what_cannot_be_stopped_can_be_killed(cgroup: Cgroup, unstoppable: subprocess.Popen[str]) -> None:
    cgroup.kill()

    assert unstoppable.wait() == -signal.SIGKILL


def test_what_cannot_be_stopped_gets_signals(cgroup: Cgroup, unstoppable: subprocess.Popen[str]) -> None:
    cgroup.send(signal.SIGKILL)

    assert unstoppable.wait() == -signal.SIGKILL


def test_nothing_stands_where_not_all_can_be_stopped(cgroup: Cgroup, unstoppable: subprocess.Popen[str]) -> None:
    with pytest.raises(CgroupFailed, match="freezing took more than"):
        cgroup.freeze()

    assert not cgroup.is_frozen()
    assert unstoppable.poll() is None
