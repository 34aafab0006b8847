"""Rules for devices on version 2, as the kernel itself carries them out, and as version 1 does (root)."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cgroups import group, hierarchies
from runner.cgroups.hierarchies import Host
from runner.cgroups.resources import DeviceRule, Resources

pytestmark = pytest.mark.root

PARENT = f"/moorage-devices-{os.getpid()}"
NULL, ZERO = "/dev/null", "/dev/zero"


@pytest.fixture(scope="module")
def unified() -> Host:
    """This host as if it had version 2 alone."""
    host = hierarchies.detect()
    if host.unified is None:
        pytest.skip("no hierarchy of version 2 is mounted")
    return Host((host.unified,), host.enabled)


@pytest.fixture
def path(unified: Host) -> Iterator[str]:
    yield f"{PARENT}/one"
    for name in (f"{PARENT}/one", PARENT):
        cgroup = group.find(unified, name)
        cgroup.kill()
        cgroup.delete()


def uses(cgroup: group.Cgroup, folder: Path) -> set[str]:
    """What a process in the cgroup can do with two devices, and whether it can make one."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            cgroup.enter_alone()
            for device in (NULL, ZERO):
                for letter, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY), ("rw", os.O_RDWR)):
                    if _works(lambda device=device, flags=flags: os.close(os.open(device, flags))):
                        os.write(writable, f"{device[5:]}:{letter} ".encode())
            if _works(lambda: os.mknod(folder / "made", stat.S_IFBLK | 0o600, os.makedev(7, 0))):
                os.write(writable, b"mknod ")
        finally:
            os._exit(0)
    os.close(writable)
    os.waitpid(pid, 0)
    with os.fdopen(readable) as pipe:
        return set(pipe.read().split())


def _works(attempt: object) -> bool:
    try:
        attempt()  # type: ignore[operator]
    except OSError:
        return False
    return True


def rule(
    allow: bool, kind: str = "a", major: int | None = None, minor: int | None = None, access: str = "rwm"
) -> DeviceRule:
    return DeviceRule(allow, kind, major, minor, access)


ALL = {f"{name}:{use}" for name in ("null", "zero") for use in ("r", "w", "rw")} | {"mknod"}
CASES = [
    ((), ALL),
    ((rule(False),), set()),
    ((rule(False), rule(True, "c", 1, 3)), {"null:r", "null:w", "null:rw"}),
    ((rule(False), rule(True, "c", 1, None, "r")), {"null:r", "zero:r"}),
    ((rule(False), rule(True, "c", 1, 5, "r"), rule(True, "c", 1, 5, "w")), {"zero:r", "zero:w", "zero:rw"}),
    ((rule(False), rule(True, "b", None, None, "m")), {"mknod"}),
    ((rule(False), rule(True), rule(False, "c", 1, 3, "w")), ALL - {"null:w", "null:rw"}),
    ((rule(True, "c", 1, 3), rule(False)), set()),
    ((rule(False), rule(True, "b", 1, 3), rule(True, "c", 2**32 - 1, 3)), set()),
]


@pytest.mark.parametrize(("rules", "expected"), CASES, ids=range(len(CASES)))
def test_the_kernel_decides_as_the_rules_say(
    unified: Host, path: str, rules: tuple[DeviceRule, ...], expected: set[str], tmp_path: Path
) -> None:
    cgroup = group.create(unified, path, Resources(devices=rules))

    assert uses(cgroup, tmp_path) == expected


def test_new_rules_take_the_place_of_those_before(unified: Host, path: str, tmp_path: Path) -> None:
    cgroup = group.create(unified, path, Resources(devices=(rule(False),)))

    cgroup.limit(Resources(devices=(rule(False), rule(True, "c", 1, 5))))

    assert uses(cgroup, tmp_path) == {"zero:r", "zero:w", "zero:rw"}
