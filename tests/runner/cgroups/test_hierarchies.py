import pytest

from runner.cgroups.errors import CgroupControllerMissing
from runner.cgroups.hierarchies import Host, parse

HEADER = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
ALL = HEADER + "".join(
    f"{name}\t0\t1\t1\n" for name in ("cpuset", "cpu", "blkio", "memory", "devices", "pids", "hugetlb")
)

V2 = "30 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/memory rw shared:9 master:1 - cgroup cgroup rw,memory\n"
    "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
)
UNIFIED = "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


def host(mountinfo: str, *, controllers: str = "", cgroups: str = ALL) -> Host:
    return parse(mountinfo, cgroups, controllers_of=lambda mount: controllers)


def test_a_unified_host_has_all_controllers_in_one_hierarchy() -> None:
    found = host(V2, controllers="cpuset cpu io memory pids\n")

    assert found.mode == "v2"
    assert found.require("blkio").mount == found.require("memory").mount == "/sys/fs/cgroup"
    assert found.find("devices") is None


def test_a_host_of_version_1_has_each_controller_where_it_is_mounted() -> None:
    found = host(V1)

    assert found.mode == "v1"
    assert found.unified is None
    assert found.require("cpuacct").mount == "/sys/fs/cgroup/cpu,cpuacct"
    assert found.require("memory").mount == "/sys/fs/cgroup/memory"


def test_a_hybrid_host_is_asked_controller_by_controller() -> None:
    found = host(V1 + UNIFIED, controllers="hugetlb")

    assert found.mode == "hybrid"
    assert (found.require("memory").version, found.require("hugetlb").version) == (1, 2)
    assert found.unified is not None


def test_a_host_without_any_hierarchy_has_none() -> None:
    found = host("1 0 8:1 / / rw - ext4 /dev/sda1 rw\nno line of mountinfo\n")

    assert (found.mode, found.hierarchies) == ("none", ())


def test_a_second_mount_of_a_hierarchy_and_an_escaped_name_change_nothing() -> None:
    found = host(V2.replace("/sys/fs/cgroup", r"/odd\040name") + V2)

    assert [hierarchy.mount for hierarchy in found.hierarchies] == ["/odd name"]


def test_a_second_mount_that_is_hidden_is_not_looked_at() -> None:
    looked_at: list[str] = []

    def controllers_of(mount: str) -> str:
        looked_at.append(mount)
        return "cpu"

    parse(V2 + V2.replace("/sys/fs/cgroup", "/hidden"), ALL, controllers_of=controllers_of)

    assert looked_at == ["/sys/fs/cgroup"]


@pytest.mark.parametrize(
    ("cgroups", "reason"),
    [
        (HEADER, "built without CONFIG_MEMCG"),
        (HEADER + "memory\t0\t1\t0\n", "cgroup_disable=memory"),
        (HEADER + "memory\t0\t1\t1\n", "no hierarchy that is mounted"),
    ],
)
def test_what_is_missing_is_named_with_what_would_bring_it(cgroups: str, reason: str) -> None:
    found = host(V2, controllers="cpu", cgroups=cgroups)

    with pytest.raises(CgroupControllerMissing, match="memory") as caught:
        found.require("memory")

    assert reason in str(caught.value)
