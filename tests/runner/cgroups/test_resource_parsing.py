import contextlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cgroups.errors import CgroupResourcesInvalid
from runner.cgroups.resource_parsing import parse_resources
from runner.cgroups.resources import Cpu, DeviceRate, DeviceRule, HugepageLimit, Memory, Resources

ALLOWED = [
    ({}, Resources()),
    ({"memory": None, "devices": None, "network": {}, "rdma": {}}, Resources()),
    ({"memory": {"limit": 4096, "swap": -1}}, Resources(memory=Memory(limit=4096, swap=-1))),
    ({"memory": {"limit": 0, "swap": 0, "reservation": 0}}, Resources()),
    ({"cpu": {"shares": 0, "quota": -1, "cpus": "0-1,3"}}, Resources(cpu=Cpu(quota=-1, cpus="0-1,3"))),
    ({"pids": {"limit": -1}}, Resources(pids=-1)),
    ({"pids": {"limit": 0}}, Resources()),
    ({"devices": [{"allow": False, "access": "rwm"}]}, Resources(devices=(DeviceRule(False, "a", None, None, "rwm"),))),
    (
        {"devices": [{"allow": True, "type": "c", "major": 1, "minor": -1, "access": "mr"}]},
        Resources(devices=(DeviceRule(True, "c", 1, None, "rm"),)),
    ),
    ({"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, Resources(hugepages=(HugepageLimit("2MB", 0),))),
    ({"unified": {"memory.high": "1"}}, Resources(unified=(("memory.high", "1"),))),
]

REFUSED: list[Mapping[str, object]] = [
    {"Memory": {}},
    {"network": {"classID": 1}},
    {"memory": []},
    {"memory": {"limit": "4096"}},
    {"memory": {"limit": True}},
    {"memory": {"limit": -2}},
    {"memory": {"limit": 2**63}},
    {"memory": {"swap": 4096}},
    {"memory": {"limit": 4096, "swap": 4095}},
    {"memory": {"swappiness": 101}},
    {"memory": {"disableOOMKiller": 1}},
    {"cpu": {"cpus": "0-1\n2"}},
    {"cpu": {"cpus": "a"}},
    {"cpu": {"idle": 2}},
    {"cpu": {"shares": -1}},
    {"blockIO": {"weight": 9}},
    {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "rate": 1}]}},
    {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}},
    {"devices": [{"type": "a", "access": "r"}]},
    {"devices": [{"type": "x"}]},
    {"devices": [{"access": "rx"}]},
    {"hugepageLimits": [{"pageSize": "../2MB", "limit": 1}]},
    {"hugepageLimits": [{"pageSize": "2MB"}]},
    {"unified": {"../memory.max": "1"}},
    {"unified": {"cgroup.procs": "1"}},
    {"unified": {"memory.max": 1}},
    {"unified": {"memory.max": ""}},
]


@pytest.mark.parametrize(("document", "expected"), ALLOWED)
def test_a_document_becomes_values(document: Mapping[str, object], expected: Resources) -> None:
    assert parse_resources(document) == expected


@pytest.mark.parametrize("document", REFUSED)
def test_what_is_not_in_the_specification_is_refused(document: Mapping[str, object]) -> None:
    with pytest.raises(CgroupResourcesInvalid):
        parse_resources(document)


def test_an_error_says_where_in_the_document() -> None:
    with pytest.raises(CgroupResourcesInvalid, match=r"blockIO\.throttleWriteIOPSDevice\[1\]\.rate: is required"):
        parse_resources(
            {"blockIO": {"throttleWriteIOPSDevice": [{"major": 8, "minor": 0, "rate": 1}, {"major": 8, "minor": 0}]}}
        )


def test_limits_of_the_kernels_memory_are_left_out_with_a_warning() -> None:
    resources = parse_resources({"memory": {"limit": 4096, "kernel": 4096, "kernelTCP": -1}})

    assert resources.memory == Memory(limit=4096)
    assert [warning.split()[0] for warning in resources.warnings] == ["memory.kernel", "memory.kernelTCP"]


def test_throttles_are_kept_apart() -> None:
    one = [{"major": 8, "minor": 0, "rate": 7}]

    block_io = parse_resources({"blockIO": {"throttleWriteIOPSDevice": one}}).block_io

    assert block_io.write_iops == (DeviceRate(8, 0, 7),)
    assert (block_io.read_bps, block_io.write_bps, block_io.read_iops) == ((), (), ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["memory", "cpu", "pids", "blockIO", "devices", "hugepageLimits", "unified", "limit", "cpus", "x"]
)


@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=3), max_size=4))
def test_whatever_comes_only_the_own_error_leaves(document: dict[str, object]) -> None:
    with contextlib.suppress(CgroupResourcesInvalid):
        parse_resources(document)
