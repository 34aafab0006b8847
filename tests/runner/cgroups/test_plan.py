"""Which files are written, in which order. What the kernel says to it stands in `test_group.py`."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cgroups.errors import CgroupControllerMissing, CgroupResourcesInvalid, CgroupSettingUnsupported
from runner.cgroups.hierarchies import Hierarchy, Host
from runner.cgroups.plan import plan
from runner.cgroups.plan_v2 import io_weight, weight_of_shares
from runner.cgroups.resource_parsing import parse_resources

MIB = 1024 * 1024
NAMES = ("blkio", "cpu", "cpuset", "devices", "hugetlb", "memory", "pids")
ENABLED = dict.fromkeys(NAMES, True)
V1 = Host(tuple(Hierarchy(f"/c/{name}", 1, frozenset({name})) for name in NAMES), ENABLED)
V2 = Host((Hierarchy("/c", 2, frozenset({"io", "cpu", "cpuset", "hugetlb", "memory", "pids"})),), ENABLED)
HYBRID = Host(
    (Hierarchy("/c/memory", 1, frozenset({"memory"})), Hierarchy("/c/unified", 2, frozenset({"hugetlb"}))), ENABLED
)

Planned = list[tuple[str, str]]


def holding(files: Mapping[str, str]) -> Callable[[str, str], str | None]:
    return lambda controller, file: files.get(file)


def planned(host: Host, document: Mapping[str, object], **files: str) -> Planned:
    current = holding({name.replace("__", "."): text for name, text in files.items()})
    return [(write.file, write.text) for write in plan(parse_resources(document), host, current)]


def test_no_limits_write_nothing() -> None:
    assert planned(V1, {}) == planned(V2, {}) == []


BOTH = {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}}


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (2**63 - 4096, "memory.limit_in_bytes"),
        (256 * MIB, "memory.limit_in_bytes"),
        (128 * MIB, "memory.memsw.limit_in_bytes"),
        (16 * MIB, "memory.memsw.limit_in_bytes"),
    ],
)
def test_v1_never_has_memory_and_swap_below_memory_alone(now: int, first: str) -> None:
    writes = planned(V1, BOTH, memory__limit_in_bytes=str(now))

    assert writes[0][0] == first
    assert dict(writes) == {
        "memory.limit_in_bytes": str(64 * MIB),
        "memory.memsw.limit_in_bytes": str(128 * MIB),
    }


@given(*[st.integers(1, 50)] * 4)
def test_v1_memory_can_go_from_any_limits_to_any_others(limit: int, more: int, new_limit: int, new_more: int) -> None:
    state = {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit + more}
    document = {"memory": {"limit": new_limit, "swap": new_limit + new_more}}

    for file, text in planned(V1, document, memory__limit_in_bytes=str(limit)):
        state[file] = int(text)
        assert state["memory.memsw.limit_in_bytes"] >= state["memory.limit_in_bytes"]


def test_no_limit_of_memory_takes_that_of_swap_along() -> None:
    document = {"memory": {"limit": -1}}

    assert planned(V1, document, memory__limit_in_bytes="4096", memory__memsw__limit_in_bytes="4096") == [
        ("memory.memsw.limit_in_bytes", "-1"),
        ("memory.limit_in_bytes", "-1"),
    ]
    assert planned(V1, document, memory__limit_in_bytes="4096") == [("memory.limit_in_bytes", "-1")]
    assert planned(V2, document) == [("memory.swap.max", "max"), ("memory.max", "max")]


def test_v2_counts_swap_without_memory() -> None:
    assert planned(V2, BOTH) == [("memory.swap.max", str(64 * MIB)), ("memory.max", str(64 * MIB))]
    equal = {"memory": {"limit": 4096, "swap": 4096, "reservation": 1024}}
    assert planned(V2, equal) == [("memory.swap.max", "0"), ("memory.max", "4096"), ("memory.low", "1024")]


def test_v1_memory_has_what_v2_refuses() -> None:
    document = {"memory": {"swappiness": 0, "disableOOMKiller": True, "reservation": 4096}}

    assert planned(V1, document) == [
        ("memory.soft_limit_in_bytes", "4096"),
        ("memory.swappiness", "0"),
        ("memory.oom_control", "1"),
    ]
    for refused in ({"swappiness": 0}, {"disableOOMKiller": True}):
        with pytest.raises(CgroupSettingUnsupported, match="memory"):
            planned(V2, {"memory": refused})


def test_a_limit_below_what_is_in_use_is_refused_where_that_is_asked_for() -> None:
    document = {"memory": {"limit": 4096, "checkBeforeUpdate": True}}

    with pytest.raises(CgroupResourcesInvalid, match="8192"):
        planned(V1, document, memory__usage_in_bytes="8192")
    with pytest.raises(CgroupResourcesInvalid, match="8192"):
        planned(V2, document, memory__current="8192")
    assert planned(V2, document, memory__current="4096") == [("memory.max", "4096")]


@pytest.mark.parametrize(
    ("quota", "period", "order"),
    [
        ("-1", "100000", ["cpu.cfs_period_us", "cpu.cfs_quota_us"]),
        ("20000", "40000", ["cpu.cfs_period_us", "cpu.cfs_quota_us"]),
        ("20000", "100000", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]),
    ],
)
def test_v1_quota_and_period_pass_no_larger_share(quota: str, period: str, order: list[str]) -> None:
    document = {"cpu": {"quota": 10000, "period": 50000}}

    writes = planned(V1, document, cpu__cfs_quota_us=quota, cpu__cfs_period_us=period)

    assert [file for file, _ in writes] == order


@pytest.mark.parametrize(("host", "now"), [(V1, "cpu__cfs_burst_us"), (V2, "cpu__max__burst")])
def test_a_burst_shrinks_before_the_quota_and_grows_after_it(host: Host, now: str) -> None:
    document = {"cpu": {"quota": 10000, "burst": 5000}}

    grows = planned(host, document, **{now: "0"})
    shrinks = planned(host, document, **{now: "9000"})

    assert "burst" in grows[1][0]
    assert "burst" in shrinks[0][0]


def test_v2_keeps_the_half_of_the_bandwidth_that_is_not_given() -> None:
    assert planned(V2, {"cpu": {"quota": 5000}}) == [("cpu.max", "5000 100000")]
    assert planned(V2, {"cpu": {"period": 5000}}) == [("cpu.max", "max 5000")]
    assert planned(V2, {"cpu": {"period": 5000}}, cpu__max="7000 9000") == [("cpu.max", "7000 5000")]
    assert planned(V2, {"cpu": {"quota": -1}}, cpu__max="7000 9000") == [("cpu.max", "max 9000")]


def test_the_other_settings_of_the_processor() -> None:
    document = {"cpu": {"shares": 1024, "cpus": "0", "mems": "0", "idle": 1}}

    cpuset = [("cpuset.cpus", "0"), ("cpuset.mems", "0")]
    assert planned(V1, document) == [("cpu.shares", "1024"), ("cpu.idle", "1"), *cpuset]
    assert planned(V2, document) == [("cpu.weight", "100"), ("cpu.idle", "1"), *cpuset]


def test_real_time_is_a_matter_of_v1() -> None:
    document = {"cpu": {"realtimeRuntime": 95, "realtimePeriod": 100}}

    assert planned(V1, document) == [("cpu.rt_period_us", "100"), ("cpu.rt_runtime_us", "95")]
    with pytest.raises(CgroupSettingUnsupported):
        planned(V2, document)


@pytest.mark.parametrize(("shares", "weight"), [(2, 1), (1024, 100), (262_144, 10_000), (1, 1), (2**64 - 1, 10_000)])
def test_shares_fall_on_weights_at_the_ends_and_the_default(shares: int, weight: int) -> None:
    assert weight_of_shares(shares) == weight


@given(st.integers(2, 262_144), st.integers(2, 262_144))
def test_more_shares_are_never_less_weight(one: int, other: int) -> None:
    low, high = sorted((one, other))

    assert 1 <= weight_of_shares(low) <= weight_of_shares(high) <= 10_000


@pytest.mark.parametrize(("weight", "expected"), [(10, 1), (500, 4950), (1000, 10_000)])
def test_weights_of_block_devices_fall_on_those_of_v2(weight: int, expected: int) -> None:
    assert io_weight(weight) == expected


@pytest.mark.parametrize("host", [V1, V2])
def test_pids_without_a_limit_are_max(host: Host) -> None:
    assert planned(host, {"pids": {"limit": -1}}) == [("pids.max", "max")]
    assert planned(host, {"pids": {"limit": 5}}) == [("pids.max", "5")]


BLOCK_IO = {
    "blockIO": {
        "weight": 500,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 10}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 4096}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}],
    }
}


def test_v1_block_devices() -> None:
    throttles = [("blkio.throttle.read_bps_device", "8:0 4096"), ("blkio.throttle.write_iops_device", "8:16 0")]

    assert planned(V1, BLOCK_IO) == [("blkio.weight", "500"), ("blkio.weight_device", "8:0 10"), *throttles]
    assert planned(V1, BLOCK_IO, blkio__bfq__weight="100") == [
        ("blkio.bfq.weight", "500"),
        ("blkio.bfq.weight_device", "8:0 10"),
        *throttles,
    ]


def test_v2_block_devices() -> None:
    throttles = [("io.max", "8:0 rbps=4096"), ("io.max", "8:16 wiops=max")]

    assert planned(V2, BLOCK_IO) == [("io.weight", "default 4950"), ("io.weight", "8:0 1"), *throttles]
    assert planned(V2, BLOCK_IO, io__bfq__weight="default 100") == [
        ("io.bfq.weight", "500"),
        ("io.bfq.weight", "8:0 10"),
        *throttles,
    ]


def test_leaf_weights_left_with_v1() -> None:
    document = {"blockIO": {"leafWeight": 10}}

    assert planned(V1, document) == [("blkio.leaf_weight", "10")]
    with pytest.raises(CgroupSettingUnsupported):
        planned(V2, document)


def test_v1_devices_keep_their_order() -> None:
    rules = [{"allow": False}, {"allow": True, "type": "c", "major": 1, "access": "rw"}]

    assert planned(V1, {"devices": rules}) == [("devices.deny", "a"), ("devices.allow", "c 1:* rw")]


def character(allow: bool, access: str, major: int = -1, minor: int = -1) -> dict[str, object]:
    return {"allow": allow, "type": "c", "major": major, "minor": minor, "access": access}


def test_v1_devices_are_taken_back_one_exception_after_the_other() -> None:
    """The kernel itself passes over what is taken back by other numbers than it was given by."""
    rules = [
        {"allow": False}, character(True, "rwm", 1, 3), character(True, "r", 1, 5), character(True, "r", 5, 0),
        character(False, "w"), character(False, "r", 1), character(True, "w", 1, 5),
    ]  # fmt: skip

    assert planned(V1, {"devices": rules})[4:] == [
        ("devices.deny", "c 1:3 w"),
        ("devices.deny", "c 1:3 r"),
        ("devices.deny", "c 1:5 r"),
        ("devices.allow", "c 1:5 w"),
    ]


@pytest.mark.parametrize("allow", [False, True])
def test_v1_devices_that_would_be_taken_back_in_part_are_refused(allow: bool) -> None:
    rules = [{"allow": allow}, character(not allow, "rwm", 10), character(allow, "w", 10, 229)]

    with pytest.raises(CgroupSettingUnsupported, match=r"cannot except c 10:229 w from the rule for c 10:\* w"):
        planned(V1, {"devices": rules})
    assert planned(V2, {"devices": rules}) == []


def test_v2_has_no_files_for_devices() -> None:
    assert planned(V2, {"devices": [{"allow": False}]}) == []


def test_huge_pages_are_limited_in_use_and_in_reserve() -> None:
    document = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4096}]}

    assert planned(V1, document) == [
        ("hugetlb.2MB.limit_in_bytes", "4096"),
        ("hugetlb.2MB.rsvd.limit_in_bytes", "4096"),
    ]
    assert planned(V2, document) == [("hugetlb.2MB.max", "4096"), ("hugetlb.2MB.rsvd.max", "4096")]


def test_unified_settings_are_written_last_and_as_they_are() -> None:
    document = {"unified": {"memory.high": "4096", "io.latency": "8:0 target=1"}, "memory": {"limit": 4096}}

    assert planned(V2, document) == [("memory.max", "4096"), ("memory.high", "4096"), ("io.latency", "8:0 target=1")]


@pytest.mark.parametrize("host", [V1, HYBRID])
def test_unified_settings_need_the_controller_in_v2(host: Host) -> None:
    with pytest.raises(CgroupControllerMissing, match="memory"):
        planned(host, {"unified": {"memory.high": "4096"}})


def test_a_hybrid_host_gets_each_limit_in_the_language_of_its_hierarchy() -> None:
    document = {"memory": {"limit": 4096}, "hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}

    assert planned(HYBRID, document)[:2] == [("memory.limit_in_bytes", "4096"), ("hugetlb.2MB.max", "0")]
    with pytest.raises(CgroupControllerMissing, match="pids"):
        planned(HYBRID, {"pids": {"limit": 5}})
