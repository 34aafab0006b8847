"""Rules for devices on version 2, as the kernel itself carries them out, and as version 1 does (root)."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cgroups import group, hierarchies
from runner.cgroups.device_programs import device_program
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


def decided(rules: tuple[DeviceRule, ...], kind: str, numbers: tuple[int, int], asked: str) -> bool:
    """What the rules mean, use by use."""
    for use in asked:
        for each in reversed(rules):
            same = each.kind in {"a", kind} and each.major in {None, numbers[0]} and each.minor in {None, numbers[1]}
            if same and use in each.access:
                if not each.allow:
                    return False
                break
    return True


def interpreted(program: bytes, kind: str, numbers: tuple[int, int], asked: str) -> bool:
    """What a program answers, by an interpreter of the few instructions that it may have."""
    bits = sum({"m": 1, "r": 2, "w": 4}[use] for use in asked)
    context = {0: bits << 16 | {"b": 1, "c": 2}[kind], 4: numbers[0], 8: numbers[1]}
    registers = [0] * 11
    place = 0
    while True:
        code, operands = program[8 * place], program[8 * place + 1]
        offset = int.from_bytes(program[8 * place + 2 : 8 * place + 4], "little", signed=True)
        value = int.from_bytes(program[8 * place + 4 : 8 * place + 8], "little")
        target, source = operands & 15, operands >> 4
        place += 1
        if code == 0x61:
            registers[target] = context[offset]
        elif code == 0xBC:
            registers[target] = registers[source]
        elif code == 0xB7:
            registers[target] = value
        elif code == 0x54:
            registers[target] &= value
        elif code == 0x74:
            registers[target] >>= value
        elif code == 0x56:
            place += offset if registers[target] != value else 0
        elif code == 0x16:
            place += offset if registers[target] == value else 0
        else:
            assert code == 0x95
            return bool(registers[0])


NUMBERS = st.sampled_from([0, 1, 3, 2**31, 2**32 - 1])
RULES = st.builds(
    DeviceRule, st.booleans(), st.sampled_from("bc"), st.none() | NUMBERS, st.none() | NUMBERS,
    st.sampled_from(["r", "w", "m", "rw", "rwm", "wm"]),
)  # fmt: skip


@settings(max_examples=300)
@given(
    st.lists(RULES | st.builds(rule, st.booleans()), max_size=6).map(tuple),
    st.sampled_from("bc"),
    st.tuples(NUMBERS, NUMBERS),
    st.sampled_from(["r", "w", "m", "rw", "rm"]),
)
def test_a_program_decides_use_by_use_and_the_last_rule_wins(
    rules: tuple[DeviceRule, ...], kind: str, numbers: tuple[int, int], asked: str
) -> None:
    assert interpreted(device_program(rules), kind, numbers, asked) == decided(rules, kind, numbers, asked)
