from collections.abc import Mapping

import pytest

from runner.seccomp.engine_format import resolve
from runner.seccomp.errors import SeccompProfileInvalid

NOBODY: frozenset[str] = frozenset()


def names(
    rule: Mapping[str, object], *, capabilities: frozenset[str] = NOBODY, kernel: str = "6.1.0-51-amd64"
) -> object:
    document = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["bpf"], **rule}]}
    rules = resolve(document, capabilities, "x86_64", "6.1.0-51-amd64")["syscalls"]
    assert isinstance(rules, list)
    return [each["names"] for each in rules]


def test_a_rule_for_capabilities_holds_for_who_has_all_of_them() -> None:
    rule = {"includes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}}

    assert names(rule, capabilities=frozenset({"CAP_SYS_ADMIN", "CAP_BPF", "CAP_KILL"})) == [["bpf"]]
    assert names(rule, capabilities=frozenset({"CAP_SYS_ADMIN"})) == []


def test_a_rule_for_those_without_capabilities_goes_with_any_of_them() -> None:
    rule = {"excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_BPF"]}}

    assert names(rule, capabilities=frozenset({"CAP_KILL"})) == [["bpf"]]
    assert names(rule, capabilities=frozenset({"CAP_BPF"})) == []


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"excludes": {"arches": ["arm64"]}}, True),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"includes": {"minKernel": "5.19"}, "excludes": {}}, True),
        ({"includes": {"minKernel": "5.19", "caps": ["CAP_BPF"]}}, False),
        ({"includes": None, "comment": "for all"}, True),
    ],
)
def test_machine_and_kernel_choose(rule: Mapping[str, object], holds: bool) -> None:
    assert bool(names(rule)) == holds


def test_the_architectures_are_those_of_the_machine() -> None:
    document: dict[str, object] = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": [
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        ],
    }

    assert resolve(document, NOBODY, "x86_64", "6.1")["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert resolve(document, NOBODY, "aarch64", "6.1")["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert resolve(document, NOBODY, "riscv64", "6.1")["architectures"] == []


def test_what_the_specification_knows_stays_and_the_rest_is_translated() -> None:
    rule = {"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "defaultErrno": "ENOSYS",
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            rule | {"errno": "EPERM", "errnoRet": 2},
            {"name": "open", "action": "SCMP_ACT_LOG", "args": None},
        ],
    }

    assert resolve(document, NOBODY, "x86_64", "6.1") == {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [rule | {"errnoRet": 1}, {"names": ["open"], "action": "SCMP_ACT_LOG"}],
    }


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "seccomp"),
        ({"default": "SCMP_ACT_ERRNO"}, "seccomp"),
        ({"defaultErrno": "EPREM"}, "seccomp.defaultErrno"),
        ({"defaultErrno": "errorcode"}, "seccomp.defaultErrno"),
        ({"syscalls": {}}, "seccomp.syscalls"),
        ({"syscalls": ["read"]}, "seccomp.syscalls[0]"),
        ({"syscalls": [{"includes": {"cap": []}}]}, "seccomp.syscalls[0].includes"),
        ({"syscalls": [{"excludes": {"caps": "CAP_BPF"}}]}, "seccomp.syscalls[0].excludes.caps"),
        ({"syscalls": [{"includes": {"minKernel": "new"}}]}, "seccomp.syscalls[0].includes.minKernel"),
        ({"syscalls": [{"errno": 1}]}, "seccomp.syscalls[0].errno"),
        ({"archMap": [{"arch": "SCMP_ARCH_X86_64"}]}, "seccomp.archMap[0]"),
    ],
)
def test_what_is_no_profile_is_refused_where_it_stands(document: object, place: str) -> None:
    with pytest.raises(SeccompProfileInvalid) as refused:
        resolve(document, NOBODY, "x86_64", "6.1")

    assert refused.value.place == place
