"""libseccomp, of which other runtimes' filters come, answers the same. Where it does not, the reason stands here."""

import ctypes
import os
import tempfile

import pytest
from hypothesis import given, settings

from runner.seccomp.compiler import AUDIT_I386, AUDIT_X86_64, TABLES, compile_profile
from runner.seccomp.profile import ALLOW, ERRNO, KILL_PROCESS, OPERATORS, Condition, Rule, SeccompProfile
from tests.runner.seccomp import strategies
from tests.runner.seccomp.interpreter import run

# seccomp.h
ARCHITECTURES = {"X86": AUDIT_I386, "X86_64": AUDIT_X86_64, "X32": 0x4000003E}
COMPARISONS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
ATTRIBUTE_OF_OTHER_ARCHITECTURES = 2
ENOSYS = ERRNO | 38


class Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("value", ctypes.c_uint64),
        ("value_two", ctypes.c_uint64),
    )


@pytest.fixture(scope="module")
def libseccomp() -> ctypes.CDLL:
    if os.uname().machine != "x86_64":
        pytest.skip("the filters compared are x86_64's")
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp.so.2 is not installed; Debian: apt-get install libseccomp2")
    library.seccomp_init.restype = ctypes.c_void_p
    return library


def exported(library: ctypes.CDLL, profile: SeccompProfile) -> bytes:
    """The program that libseccomp makes of a profile."""
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(profile.default_action)))
    try:
        set_attribute = library.seccomp_attr_set
        assert set_attribute(context, ATTRIBUTE_OF_OTHER_ARCHITECTURES, ctypes.c_uint32(KILL_PROCESS)) == 0
        for name in profile.architectures:
            # -EEXIST: the machine's own one is there.
            assert library.seccomp_arch_add(context, ctypes.c_uint32(ARCHITECTURES[name])) in {0, -17}
        for rule in profile.rules:
            add(library, context, rule)
        with tempfile.TemporaryFile() as file:
            assert library.seccomp_export_bpf(context, file.fileno()) == 0
            file.seek(0)
            return file.read()
    finally:
        library.seccomp_release(context)


def add(library: ctypes.CDLL, context: ctypes.c_void_p, rule: Rule) -> None:
    compared = (Comparison * len(rule.conditions))(
        *(Comparison(each.index, COMPARISONS[each.operator], each.value, each.value_two) for each in rule.conditions)
    )
    for name in rule.names:
        number = library.seccomp_syscall_resolve_name(name.encode())
        action = ctypes.c_uint32(rule.action)
        assert library.seccomp_rule_add_array(context, action, number, len(rule.conditions), compared) == 0


def known_to(library: ctypes.CDLL, name: str) -> bool:
    """Whether its numbers of a call are ours: it is older, and calls some of i386's by pseudo numbers."""
    return all(
        library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(number), name.encode())
        == TABLES[architecture][1].get(name)
        for architecture, number in ARCHITECTURES.items()
    )


def test_its_numbers_are_ours(libseccomp: ctypes.CDLL) -> None:
    for architecture, audit in ARCHITECTURES.items():
        for name, number in TABLES[architecture][1].items():
            found = libseccomp.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(audit), name.encode())
            # Negative: it does not know the call, or splits it into others.
            assert found in {number} or found < 0
    for name, number in TABLES["AARCH64"][1].items():
        found = libseccomp.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(TABLES["AARCH64"][0]), name.encode())
        assert found in {number} or found < 0


@settings(max_examples=60)
@given(strategies.rules, strategies.actions, strategies.ARGUMENTS)
def test_one_rule_answers_as_its_filter_does(
    libseccomp: ctypes.CDLL, rule: Rule, default: int, arguments: tuple[int, ...]
) -> None:
    names = tuple(dict.fromkeys(name for name in rule.names if known_to(libseccomp, name)))
    # It refuses a rule that says what the default says.
    if not names or rule.action == default:
        return
    profile = SeccompProfile(default, (Rule(names, rule.action, rule.conditions),), ("X86_64", "X86", "X32"))
    ours, theirs = compile_profile(profile, "x86_64").program, exported(libseccomp, profile)

    for architecture, audit in (("X86_64", AUDIT_X86_64), ("X86", AUDIT_I386), ("X32", AUDIT_X86_64)):
        # Of architectures whose pointers have 32 bits it compares no more of an argument.
        if architecture != "X86_64" and any(each.value >> 32 or each.value_two >> 32 for each in rule.conditions):
            continue
        mask = 2**64 - 1 if architecture == "X86_64" else 2**32 - 1
        given_arguments = tuple(argument & mask for argument in arguments)
        for number in TABLES[architecture][1].values():
            answer = run(ours, audit, number, given_arguments)
            # The answer for calls newer than the profile, which other runtimes put before its program.
            if answer != ENOSYS or number <= max(TABLES[architecture][1][name] for name in names):
                assert answer == run(theirs, audit, number, given_arguments)


def test_bits_outside_of_a_mask_mean_nothing_to_both(libseccomp: ctypes.CDLL) -> None:
    rule = Rule(("read",), KILL_PROCESS, (Condition(0, "MASKED_EQ", 0x0F, 0xF1),))
    profile = SeccompProfile(ALLOW, (rule,))

    for program in (compile_profile(profile, "x86_64").program, exported(libseccomp, profile)):
        assert run(program, AUDIT_X86_64, 0, (0x31, 0, 0, 0, 0, 0)) == KILL_PROCESS
        assert run(program, AUDIT_X86_64, 0, (0xF2, 0, 0, 0, 0, 0)) == ALLOW


def test_other_architectures_and_x32_are_refused_by_both(libseccomp: ctypes.CDLL) -> None:
    profile = SeccompProfile(ERRNO | 1, (Rule(("read",), 0x7FFF0000),))

    for program in (compile_profile(profile, "x86_64").program, exported(libseccomp, profile)):
        assert run(program, AUDIT_I386, 3, (0,) * 6) == KILL_PROCESS
        assert run(program, AUDIT_X86_64, 0x40000000, (0,) * 6) == KILL_PROCESS


def test_every_comparison_is_tried() -> None:
    assert set(COMPARISONS) == set(OPERATORS)
