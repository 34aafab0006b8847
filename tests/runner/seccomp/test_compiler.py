import operator

import pytest
from hypothesis import given

from runner.seccomp import bpf
from runner.seccomp.compiler import AUDIT_AARCH64, AUDIT_I386, AUDIT_X86_64, TABLES, compile_profile
from runner.seccomp.errors import SeccompArchitectureUnsupported, SeccompProgramTooLong
from runner.seccomp.profile import (
    ALLOW,
    ERRNO,
    KILL_PROCESS,
    KILL_THREAD,
    LOG,
    TRACE,
    TRAP,
    Condition,
    Rule,
    SeccompProfile,
)
from tests.runner.seccomp import strategies
from tests.runner.seccomp.interpreter import run

STRICTEST_FIRST = (KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW)
NO_ARGUMENTS = (0,) * 6
ENOSYS = ERRNO | 38
EPERM = ERRNO | 1
COMPARISONS = {
    "EQ": operator.eq, "NE": operator.ne, "LT": operator.lt,
    "LE": operator.le, "GT": operator.gt, "GE": operator.ge,
}  # fmt: skip


def holds(condition: Condition, arguments: tuple[int, ...]) -> bool:
    value = arguments[condition.index]
    if condition.operator == "MASKED_EQ":
        return value & condition.value == condition.value_two & condition.value
    return bool(COMPARISONS[condition.operator](value, condition.value))


def strictness(action: int) -> int:
    return STRICTEST_FIRST.index(action & 0xFFFF0000)


def expected(profile: SeccompProfile, native: str, audit: int, number: int, arguments: tuple[int, ...]) -> int:
    """The rules, read one after the other."""
    listed = {native, *profile.architectures} & ({"X86_64", "X86", "X32"} if native == "X86_64" else {"AARCH64"})
    mode = "X32" if audit == AUDIT_X86_64 and number >= 0x40000000 else None
    here = [name for name in listed if TABLES[name][0] == audit and (name == "X32") == (mode == "X32")]
    passing = profile.default_action & 0xFFFF0000 in {ALLOW, LOG, TRACE}
    if not here:
        if number == 0xFFFFFFFF and audit == AUDIT_X86_64 and "X86_64" in listed:
            return profile.default_action if passing else ENOSYS
        return KILL_PROCESS
    table = TABLES[here[0]][1]
    named = [table[name] for rule in profile.rules for name in rule.names if name in table]
    known = set().union(*(TABLES[name][1] for name in listed))
    if not passing and named and number > max(named):
        return ENOSYS
    matching = [
        rule.action
        for rule in profile.rules
        if any(table.get(name) == number for name in rule.names)
        and all(holds(condition, arguments) for condition in rule.conditions)
    ]
    if matching:
        return min(matching, key=strictness)
    skipped = any(
        set(rule.names) - known and strictness(rule.action) < strictness(profile.default_action)
        for rule in profile.rules
    )
    if (passing or not named) and skipped and number > max(table.values()):
        return ENOSYS
    return profile.default_action


@given(strategies.profiles, strategies.audit_architectures, strategies.numbers, strategies.ARGUMENTS)
def test_the_program_answers_as_the_rules_read(
    profile: SeccompProfile, audit: int, number: int, arguments: tuple[int, ...]
) -> None:
    for machine, native in (("x86_64", "X86_64"), ("aarch64", "AARCH64")):
        program = compile_profile(profile, machine).program

        assert run(program, audit, number, arguments) == expected(profile, native, audit, number, arguments)


@given(strategies.rules, strategies.ARGUMENTS)
def test_a_rule_with_conditions_holds_for_all_its_names(rule: Rule, arguments: tuple[int, ...]) -> None:
    profile = SeccompProfile(ALLOW, (rule,), ("X86",))
    program = compile_profile(profile, "x86_64").program

    for audit, table in ((AUDIT_X86_64, TABLES["X86_64"][1]), (AUDIT_I386, TABLES["X86"][1])):
        for name in set(rule.names) & set(table):
            number = table[name]
            wanted = rule.action if all(holds(each, arguments) for each in rule.conditions) else ALLOW
            assert run(program, audit, number, arguments) == wanted


def test_every_number_of_every_architecture_gets_what_its_name_gets() -> None:
    names = tuple(strategies.NAMES[::2])
    profile = SeccompProfile(EPERM, (Rule(names, ALLOW),), ("X86", "X32"))

    program = compile_profile(profile, "x86_64").program

    for architecture in ("X86_64", "X86", "X32"):
        audit, table = TABLES[architecture]
        last = max(table[name] for name in names if name in table)
        allowed = {table[name] for name in names if name in table}
        for number in table.values():
            wanted = ALLOW if number in allowed else ENOSYS if number > last else EPERM
            assert run(program, audit, number, NO_ARGUMENTS) == wanted


def test_calls_newer_than_an_allow_list_are_told_not_to_exist() -> None:
    program = compile_profile(SeccompProfile(EPERM, (Rule(("read", "openat2"), ALLOW),)), "x86_64").program

    assert run(program, AUDIT_X86_64, 436, NO_ARGUMENTS) == EPERM
    assert run(program, AUDIT_X86_64, 437, NO_ARGUMENTS) == ALLOW
    assert run(program, AUDIT_X86_64, 438, NO_ARGUMENTS) == ENOSYS


def test_the_x32_bit_is_no_way_around_a_list_of_refusals() -> None:
    profile = SeccompProfile(ALLOW, (Rule(("ptrace",), EPERM),))

    program = compile_profile(profile, "x86_64").program

    assert run(program, AUDIT_X86_64, 101, NO_ARGUMENTS) == EPERM
    assert run(program, AUDIT_X86_64, 0x40000000 | 521, NO_ARGUMENTS) == KILL_PROCESS
    assert run(program, AUDIT_X86_64, 0xFFFFFFFF, NO_ARGUMENTS) == ALLOW


def test_a_call_of_another_architecture_kills() -> None:
    program = compile_profile(SeccompProfile(ALLOW, ()), "x86_64").program

    assert run(program, AUDIT_I386, 4, NO_ARGUMENTS) == KILL_PROCESS
    assert run(program, AUDIT_AARCH64, 4, NO_ARGUMENTS) == KILL_PROCESS


def test_the_strictest_rule_wins_whatever_the_order() -> None:
    rules = (Rule(("clone",), ALLOW), Rule(("clone",), EPERM, (Condition(0, "MASKED_EQ", 0x10000000, 0x10000000),)))

    for order in (rules, rules[::-1]):
        program = compile_profile(SeccompProfile(KILL_PROCESS, order), "x86_64").program
        assert run(program, AUDIT_X86_64, 56, (0x10000011, 0, 0, 0, 0, 0)) == EPERM
        assert run(program, AUDIT_X86_64, 56, (0x11, 0, 0, 0, 0, 0)) == ALLOW


def test_what_is_not_known_is_told() -> None:
    # The call of another machine is known, though it is none of this one's.
    profile = SeccompProfile(EPERM, (Rule(("read", "zz", "no_such_call", "chmod"), ALLOW),), ("X86", "S390X"))

    assert compile_profile(profile, "aarch64").unknown_names == ("no_such_call", "zz")
    compiled = compile_profile(profile, "x86_64")

    assert compiled.unknown_names == ("no_such_call", "zz")
    assert compiled.unknown_architectures == ("S390X",)


def test_a_refusal_that_is_skipped_does_not_let_new_calls_pass() -> None:
    profile = SeccompProfile(ALLOW, (Rule(("call_of_next_year",), EPERM),))

    program = compile_profile(profile, "x86_64").program

    assert run(program, AUDIT_X86_64, max(TABLES["X86_64"][1].values()), NO_ARGUMENTS) == ALLOW
    assert run(program, AUDIT_X86_64, max(TABLES["X86_64"][1].values()) + 1, NO_ARGUMENTS) == ENOSYS


def test_a_machine_without_a_table_is_refused_by_name() -> None:
    with pytest.raises(SeccompArchitectureUnsupported, match="s390x"):
        compile_profile(SeccompProfile(ALLOW, ()), "s390x")


def test_far_jumps_lead_where_they_should_and_the_kernels_bound_holds() -> None:
    def profile(count: int) -> SeccompProfile:
        rules = (Rule(("socket",), EPERM, (Condition(0, "EQ", value),)) for value in range(count))
        return SeccompProfile(ALLOW, tuple(rules))

    program = compile_profile(profile(900), "x86_64").program

    assert len(program) // 8 <= bpf.MAX_INSTRUCTIONS
    for value, wanted in ((0, EPERM), (899, EPERM), (900, ALLOW)):
        assert run(program, AUDIT_X86_64, 41, (value, 0, 0, 0, 0, 0)) == wanted
    with pytest.raises(SeccompProgramTooLong):
        compile_profile(profile(1100), "x86_64")
