import pytest

from runner.seccomp.errors import SeccompProfileInvalid, SeccompUnsupported
from runner.seccomp.profile import ALLOW, ERRNO, TRACE, SeccompProfile

RULE = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}


def document(**fields: object) -> dict[str, object]:
    return {"defaultAction": "SCMP_ACT_ERRNO", **fields}


def test_a_whole_profile_is_read() -> None:
    condition = {"index": 1, "value": 2**64 - 1, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}

    profile = SeccompProfile.parse(
        document(
            defaultErrnoRet=38,
            architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
            flags=["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
            syscalls=[RULE | {"args": [condition]}, RULE | {"action": "SCMP_ACT_TRACE", "errnoRet": 5}],
        )
    )

    first, second = profile.rules
    assert (profile.default_action, profile.flags, profile.architectures) == (ERRNO | 38, 6, ("X86_64", "X32"))
    assert (first.names, first.action, second.action) == (("read",), ALLOW, TRACE | 5)
    (read,) = first.conditions
    assert (read.index, read.operator, read.value, read.value_two) == (1, "MASKED_EQ", 2**64 - 1, 3)


def test_without_a_number_the_error_is_eperm() -> None:
    assert SeccompProfile.parse(document(syscalls=None)).default_action == ERRNO | 1


def test_two_conditions_on_one_argument_are_alternatives() -> None:
    conditions = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (1, 2)]

    profile = SeccompProfile.parse(document(syscalls=[RULE | {"args": conditions}]))

    assert [[each.value for each in rule.conditions] for rule in profile.rules] == [[1], [2]]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"defaultAction": "SCMP_ACT_ALOW"}, "seccomp.defaultAction"),
        ({"defaultAction": ["SCMP_ACT_ALLOW"]}, "seccomp.defaultAction"),
        ({"defaultErrnoRet": 4096}, "seccomp.defaultErrnoRet"),
        ({"defaultErrnoRet": True}, "seccomp.defaultErrnoRet"),
        ({"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1}, "seccomp.defaultErrnoRet"),
        ({"architectures": ["X86_64"]}, "seccomp.architectures"),
        ({"syscalls": {}}, "seccomp.syscalls"),
        ({"syscalls": [[]]}, "seccomp.syscalls[0]"),
        ({"syscalls": [RULE, RULE | {"names": []}]}, "seccomp.syscalls[1].names"),
        ({"syscalls": [RULE | {"names": [""]}]}, "seccomp.syscalls[0].names"),
        ({"syscalls": [RULE | {"errnoRet": 1}]}, "seccomp.syscalls[0].errnoRet"),
        ({"syscalls": [RULE | {"excludes": {}}]}, "seccomp.syscalls[0]"),
        ({"syscalls": [RULE | {"args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}, "args[0].index"),
        ({"syscalls": [RULE | {"args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}]}]}, "args[0].value"),
        ({"syscalls": [RULE | {"args": [{"index": 0, "value": 2**64, "op": "SCMP_CMP_EQ"}]}]}, "args[0].value"),
        ({"syscalls": [RULE | {"args": [{"index": 0, "value": 0, "op": "EQ"}]}]}, "args[0].op"),
    ],
)  # fmt: skip
def test_what_the_specification_does_not_say_is_refused_where_it_stands(fields: dict[str, object], place: str) -> None:
    with pytest.raises(SeccompProfileInvalid) as refused:
        SeccompProfile.parse(document(**fields))

    assert refused.value.place.endswith(place)


@pytest.mark.parametrize(
    ("fields", "feature"),
    [
        ({"listenerPath": "/run/agent"}, "listenerPath"),
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "SCMP_ACT_NOTIFY"),
        ({"flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
    ],
)
def test_what_is_not_built_is_refused_by_name(fields: dict[str, object], feature: str) -> None:
    with pytest.raises(SeccompUnsupported, match=feature):
        SeccompProfile.parse(document(**fields))


def test_no_profile_is_no_object() -> None:
    with pytest.raises(SeccompProfileInvalid):
        SeccompProfile.parse(None)
