"""The kernel's own word: limits are seen to bite, in whatever hierarchies this machine has."""

import errno
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from runner.cgroups import group, hierarchies
from runner.cgroups.errors import CgroupControllerMissing, CgroupExists, CgroupFailed, CgroupPathInvalid
from runner.cgroups.group import Cgroup
from runner.cgroups.hierarchies import Host
from runner.cgroups.resource_parsing import parse_resources
from runner.cgroups.resources import Resources

pytestmark = pytest.mark.root

PARENT = f"/moorage-test-{os.getpid()}"
MIB = 1024 * 1024

Make = Callable[..., Cgroup]


@pytest.fixture(scope="module")
def host() -> Host:
    return hierarchies.detect()


@pytest.fixture
def make(host: Host, request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes cgroups from documents; afterwards nothing of them is left, nor of their parent."""
    with ExitStack() as stack:

        def made(**document: object) -> Cgroup:
            cgroup = group.create(host, f"{PARENT}/one", parse_resources(document))
            stack.callback(cgroup.delete)
            stack.callback(cgroup.kill)
            return cgroup

        yield made
    group.find(host, PARENT).delete()
    assert left(host) == []


def left(host: Host) -> list[Path]:
    return [path for hierarchy in host.hierarchies if (path := Path(hierarchy.mount + PARENT)).exists()]


def start(cgroup: Cgroup, program: str, *words: str) -> subprocess.Popen[str]:
    """Python that enters the cgroup before it begins, as a container's first process does."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", program, *words],
        preexec_fn=cgroup.enter_alone,  # noqa: PLW1509 - the tests start no threads
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_is_in_all_hierarchies_and_gone_after_the_kill(make: Make) -> None:
    cgroup = make()

    with start(cgroup, "import os; os.fork(); print('up', flush=True); input()") as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        places = Path(f"/proc/{process.pid}/cgroup").read_text()
        assert places.count(f"{PARENT}/one\n") == len(cgroup.folders)
        assert process.pid in cgroup.processes()
        assert len(cgroup.processes()) == 2
        cgroup.kill()
        assert process.wait() == -9

    cgroup.delete()
    assert not any(Path(folder.place).exists() for folder in cgroup.folders)


def test_another_process_is_moved_with_its_threads(make: Make) -> None:
    cgroup = make()

    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        cgroup.enter(process.pid)

        assert cgroup.processes() == {process.pid}
        cgroup.kill()


def test_processes_that_have_no_number_here_are_not_taken_for_ones_own_group(make: Make) -> None:
    cgroup = make()
    program = f"""
from runner.cgroups import group, hierarchies
print(group.find(hierarchies.detect(), {PARENT + "/one"!r}).processes())
"""

    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        cgroup.enter(process.pid)
        seen = subprocess.run(
            ["unshare", "--pid", "--fork", sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        cgroup.kill()

    assert seen.stdout == "set()\n"


FORKS = """
import os, time
made = 0
try:
    while made < 20:
        if os.fork() == 0:
            time.sleep(60)
        made += 1
except OSError as error:
    print(made, error.errno)
"""


def test_the_limit_of_pids_refuses_a_fork(make: Make) -> None:
    cgroup = make(pids={"limit": 5})

    with start(cgroup, FORKS) as process:
        assert process.stdout
        assert process.stdout.readline() == f"4 {errno.EAGAIN}\n"
        cgroup.kill()


def test_the_limit_of_memory_kills_and_the_kill_is_told(make: Make) -> None:
    cgroup = make(memory={"limit": 24 * MIB, "swap": 24 * MIB})
    watch = cgroup.watch_oom()
    poll = select.poll()
    poll.register(watch, watch.events)
    before = (cgroup.oom_kills(), poll.poll(0))

    with start(cgroup, f"bytearray({96 * MIB})") as process:
        told = poll.poll(30_000)
        assert process.wait() == -9

    assert before == (0, [])
    assert told
    watch.clear()
    assert poll.poll(0) == []
    watch.close()
    assert cgroup.oom_kills() == 1
    statistics = cgroup.statistics()
    assert (statistics.oom_kills, statistics.memory_limit) == (1, 24 * MIB)


def test_memory_can_be_limited_more_and_less_at_run_time(make: Make) -> None:
    cgroup = make(memory={"limit": 32 * MIB, "swap": 64 * MIB})

    for limit, swap in ((128, 256), (16, 16), (48, 64)):
        cgroup.limit(parse_resources({"memory": {"limit": limit * MIB, "swap": swap * MIB}}))
        assert cgroup.statistics().memory_limit == limit * MIB
    cgroup.limit(parse_resources({"memory": {"limit": -1}}))

    assert cgroup.statistics().memory_limit is None


def test_a_quota_of_the_processor_throttles(make: Make) -> None:
    cgroup = make(cpu={"quota": 5000, "period": 20000, "shares": 512, "cpus": "0"})
    program = "import os; print(os.sched_getaffinity(0), flush=True)\nwhile True: pass"

    with start(cgroup, program) as process:
        assert process.stdout
        assert process.stdout.readline() == "{0}\n"
        # On a busy machine it may be a while before it gets as much of the processor as it may have.
        statistics = cgroup.statistics()
        while not statistics.throttled_periods or not statistics.throttled_ns:
            assert process.poll() is None
            statistics = cgroup.statistics()
        cgroup.kill()

    assert statistics.cpu_ns
    assert statistics.cpu_ns >= 5_000_000


READS = """
import mmap, os, sys, time
disk, block = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, 65536)
began = time.monotonic()
for number in range(8):
    os.preadv(disk, [block], number * 65536)
print(time.monotonic() - began)
"""


def test_a_limit_of_reads_slows_them_down(make: Make, tmp_path: Path) -> None:
    place, major, minor = blocks_of_a_disk(tmp_path)
    cgroup = make(blockIO={"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": MIB}]})

    with start(cgroup, READS, str(place)) as process:
        assert process.stdout
        # Half a mebibyte; the first reads may go on credit.
        assert float(process.stdout.readline()) > 0.2

    read = cgroup.statistics().read_bytes
    assert read
    assert read >= MIB // 2


def blocks_of_a_disk(folder: Path) -> tuple[Path, int, int]:
    """What can be read past the page cache, and the numbers of its disk: a file, or a disk without a file system."""
    number = folder.stat().st_dev
    found = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not found.exists():
        raw = Path("/dev/vda")
        if not raw.is_block_device():
            pytest.skip("the tests' directory is on no disk, and there is no other one")
        return raw, os.major(raw.stat().st_rdev), os.minor(raw.stat().st_rdev)
    place = folder / "blocks"
    place.write_bytes(bytes(MIB))
    with place.open("rb") as file:
        os.fsync(file)
    # A limit is one of the whole disk.
    disk = found.resolve().parent if (found / "partition").exists() else found
    major, minor = map(int, (disk / "dev").read_text().split(":"))
    return place, major, minor


def test_quota_period_and_burst_change_at_run_time(make: Make) -> None:
    cgroup = make(cpu={"quota": 50000, "period": 100000, "burst": 20000})

    for quota, period, burst in ((5000, 10000, 1000), (90000, 100000, 80000), (1000, 1000000, 0)):
        cgroup.limit(parse_resources({"cpu": {"quota": quota, "period": period, "burst": burst}}))


def test_frozen_processes_stand_until_they_are_let_go(make: Make) -> None:
    cgroup = make()

    with start(cgroup, "while True: print(input(), flush=True)") as process:
        assert process.stdin
        assert process.stdout
        cgroup.freeze()
        process.stdin.write("hello\n")
        process.stdin.flush()
        # What it did not get to write cannot be waited for; that it is the freezer which holds it shows below.
        assert select.select([process.stdout], [], [], 0.1)[0] == []
        cgroup.thaw()
        assert process.stdout.readline() == "hello\n"
        cgroup.freeze()
        cgroup.kill()
        assert process.wait() == -9


def test_only_the_devices_that_are_allowed_can_be_opened(make: Make) -> None:
    allowed = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}
    cgroup = make(devices=[{"allow": False, "access": "rwm"}, allowed])
    program = "open('/dev/null').close()\ntry: open('/dev/zero')\nexcept OSError as error: print(error.errno)"

    with start(cgroup, program) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{errno.EPERM}\n"


def test_devices_that_a_later_rule_denies_can_not_be_opened(make: Make) -> None:
    allowed = [{"allow": True, "type": "c", "major": 1, "minor": minor, "access": "rw"} for minor in (3, 5)]
    denied = {"allow": False, "type": "c", "major": 1, "access": "w"}
    cgroup = make(devices=[{"allow": False, "access": "rwm"}, *allowed, denied])
    program = "open('/dev/zero').close()\ntry: open('/dev/null', 'w')\nexcept OSError as error: print(error.errno)"

    with start(cgroup, program) as process:
        assert process.stdout
        assert process.stdout.readline() == f"{errno.EPERM}\n"


def test_cgroups_that_the_container_made_go_with_it(make: Make) -> None:
    cgroup = make()
    for folder in cgroup.folders:
        Path(folder.place, "inner", "most").mkdir(parents=True)

    cgroup.delete()
    cgroup.delete()

    assert not any(Path(folder.place).exists() for folder in cgroup.folders)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"cpu": {"cpus": "4095"}, "pids": {"limit": 5}}, CgroupFailed),
        ({"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}, CgroupControllerMissing),
    ],
)
def test_nothing_stays_of_a_cgroup_that_could_not_be_made(
    host: Host, document: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        group.create(host, f"{PARENT}/one", parse_resources(document))

    assert left(host) == []


def test_a_cgroup_that_is_there_is_not_taken_over(make: Make, host: Host) -> None:
    cgroup = make()

    with pytest.raises(CgroupExists):
        group.create(host, f"{PARENT}/one", Resources())

    assert all(Path(folder.place).exists() for folder in cgroup.folders)


@pytest.mark.parametrize("path", ["", "/", "relative", "/a/../b", "/a/./b", "/a\n", "/" + "a" * 256, "/a" * 33])
def test_a_path_that_could_lead_elsewhere_is_none(host: Host, path: str) -> None:
    with pytest.raises(CgroupPathInvalid):
        group.create(host, path, Resources())
