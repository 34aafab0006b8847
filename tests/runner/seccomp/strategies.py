"""Profiles and calls to try them with."""

from hypothesis import strategies as st

from runner.seccomp import syscall_numbers
from runner.seccomp.compiler import AUDIT_AARCH64, AUDIT_I386, AUDIT_X86_64
from runner.seccomp.profile import (
    ALLOW,
    ERRNO,
    KILL_PROCESS,
    KILL_THREAD,
    LOG,
    OPERATORS,
    TRACE,
    TRAP,
    Condition,
    Rule,
    SeccompProfile,
)

NAMES = sorted(set(syscall_numbers.X86_64) | set(syscall_numbers.AARCH64) | set(syscall_numbers.I386))
ACTIONS = (KILL_PROCESS, KILL_THREAD, TRAP, ERRNO | 1, ERRNO | 38, TRACE | 7, LOG, ALLOW)
# Few values, of which the halves are alike now and then: what is compared comes near to what it is compared with.
WORDS = st.sampled_from((0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
VALUES = st.builds(lambda high, low: high << 32 | low, WORDS, WORDS)
ARGUMENTS = st.tuples(*[VALUES] * 6)

actions = st.sampled_from(ACTIONS)
conditions = st.builds(Condition, st.integers(0, 5), st.sampled_from(OPERATORS), VALUES, VALUES)
names = st.sampled_from(("read", "clone", "socket", "no_such_call")) | st.sampled_from(NAMES)
rules = st.builds(
    Rule,
    st.lists(names, min_size=1, max_size=40).map(tuple),
    actions,
    st.lists(conditions, max_size=3, unique_by=lambda condition: condition.index).map(tuple),
)
architectures = st.lists(st.sampled_from(("X86_64", "X86", "X32", "AARCH64", "S390X")), unique=True).map(tuple)
profiles = st.builds(SeccompProfile, actions, st.lists(rules, max_size=8).map(tuple), architectures)

numbers = (
    st.integers(0, 600)
    | st.integers(0x40000000, 0x40000000 + 600)
    | st.sampled_from((0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF))
)
audit_architectures = st.sampled_from((AUDIT_X86_64, AUDIT_I386, AUDIT_AARCH64, 0, 0x80000016))
