"""From a profile to the program that the kernel runs at every system call.

The program looks at the architecture first, for the same number means another call on each. Then it searches the number
in a tree over ranges that have the same outcome, which an allow-list has few of, and then compares arguments.

* **Several rules for one call**: the strictest action of those that match is taken, in the order in which the kernel
  itself chooses between filters (seccomp(2), "Return values"); so the order of rules does not matter.
* **x32**: its calls come with x86_64's architecture and bit 30 of the number set. A profile that does not name x32
  refuses them like those of any other architecture that it does not name: the process is killed.
* **New calls**: numbers above the highest one that an allow-list names are answered with ENOSYS, as runc does. The list
  was written before they were; from EPERM, C libraries would conclude that they exist, and not fall back to older ones.
* **Unknown names** are skipped, as runc does, and told. Where that would let a call pass that the profile means to
  refuse, numbers beyond the table, of which the unknown call has one if it has any, are answered with ENOSYS.
"""

from __future__ import annotations

from runner.seccomp import bpf, syscall_numbers
from runner.seccomp.errors import SeccompArchitectureUnsupported
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

ENOSYS = 38
X32_BIT = 0x40000000

# linux/audit.h: the architectures that a call can come with, and what the numbers mean in it.
AUDIT_X86_64 = 0xC000003E
AUDIT_I386 = 0x40000003
AUDIT_AARCH64 = 0xC00000B7
TABLES = {
    "X86_64": (AUDIT_X86_64, syscall_numbers.X86_64),
    "X86": (AUDIT_I386, syscall_numbers.I386),
    "X32": (AUDIT_X86_64, syscall_numbers.X32),
    "AARCH64": (AUDIT_AARCH64, syscall_numbers.AARCH64),
}
"""By the specification's name after `SCMP_ARCH_`: the kernel's number of the architecture, and the system calls."""

# The native one first. Calls of other processors' architectures never come; rules for them would make filters long.
_OF_MACHINE = {"x86_64": ("X86_64", "X86", "X32"), "aarch64": ("AARCH64",)}
_STRICTNESS = (KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW)
_ACTION_BITS = 0xFFFF0000
_LAST_NUMBER = 0xFFFFFFFF

# struct seccomp_data: the number, the architecture, the instruction pointer, six arguments of 64 bits.
_NUMBER_OFFSET = 0
_ARCHITECTURE_OFFSET = 4
_ARGUMENTS_OFFSET = 16

_Alternative = tuple[tuple[Condition, ...], int]
# What is tried in turn; the last one has no conditions.
_Outcome = tuple[_Alternative, ...]
_REFUSED: _Outcome = (((), KILL_PROCESS),)
_NOT_THERE: _Outcome = (((), ERRNO | ENOSYS),)


class Filter:
    """A compiled profile."""

    __slots__ = ("program", "unknown_architectures", "unknown_names")

    def __init__(self, program: bytes, unknown_names: tuple[str, ...], unknown_architectures: tuple[str, ...]) -> None:
        self.program = program
        """An array of struct sock_filter."""
        self.unknown_names = unknown_names
        """Names in the profile that no machine has a call for, in order."""
        self.unknown_architectures = unknown_architectures
        """Architectures in the profile that have no table here, in order: their calls kill."""


def compile_profile(profile: SeccompProfile, machine: str) -> Filter:
    """The filter for a machine, which `os.uname().machine` names.

    Raises:
        SeccompArchitectureUnsupported: there are no numbers of this machine's system calls.
        SeccompProgramTooLong: the kernel would not take so many rules.
    """
    possible = _OF_MACHINE.get(machine)
    if possible is None:
        raise SeccompArchitectureUnsupported(machine)
    architectures = [name for name in possible if name == possible[0] or name in profile.architectures]
    rules = sorted(profile.rules, key=lambda rule: _strictness(rule.action))
    unknown = _unknown_names(rules, architectures)

    ranges: dict[int, dict[int, _Outcome]] = {}
    for name in architectures:
        ranges.setdefault(TABLES[name][0], {}).update(_ranges(profile, rules, name, unknown))
    if "X86_64" in architectures and "X32" not in architectures:
        ranges[AUDIT_X86_64][X32_BIT] = _REFUSED
        # Not a call of x32's: what a tracer sets to skip a call, and what syscall(-1) asks for.
        ranges[AUDIT_X86_64][_LAST_NUMBER] = _outcome_beyond(profile)
    return Filter(
        _write(ranges),
        # Profiles are written for all machines. What only another one has needs no word.
        tuple(sorted(unknown.difference(*(table for _, table in TABLES.values())))),
        tuple(name for name in dict.fromkeys(profile.architectures) if name not in TABLES),
    )


def _strictness(action: int) -> int:
    return _STRICTNESS.index(action & _ACTION_BITS)


def _lets_pass(action: int) -> bool:
    """Whether a call happens, or is left to a tracer, who knows new ones."""
    return action & _ACTION_BITS in {ALLOW, LOG, TRACE}


def _unknown_names(rules: list[Rule], architectures: list[str]) -> frozenset[str]:
    named = {name for rule in rules for name in rule.names}
    return frozenset(named.difference(*(TABLES[name][1] for name in architectures)))


def _ranges(
    profile: SeccompProfile, rules: list[Rule], architecture: str, unknown: frozenset[str]
) -> dict[int, _Outcome]:
    """Where ranges of numbers with one outcome begin; each goes to where the next begins."""
    _, table = TABLES[architecture]
    default: _Outcome = (((), profile.default_action),)
    outcomes: dict[int, _Outcome] = {}
    for rule in rules:
        for name in rule.names:
            if (number := table.get(name)) is not None:
                outcomes[number] = (*outcomes.get(number, ()), (rule.conditions, rule.action))

    starts: dict[int, _Outcome] = {X32_BIT if architecture == "X32" else 0: default}
    for number in sorted(outcomes):
        starts[number] = outcomes[number] + default
        starts[number + 1] = default
    if outcomes and not _lets_pass(profile.default_action):
        starts[max(outcomes) + 1] = _NOT_THERE
    elif _would_weaken(profile, rules, unknown):
        starts[max(table.values()) + 1] = _NOT_THERE
    return starts


def _outcome_beyond(profile: SeccompProfile) -> _Outcome:
    return (((), profile.default_action),) if _lets_pass(profile.default_action) else _NOT_THERE


def _would_weaken(profile: SeccompProfile, rules: list[Rule], unknown: frozenset[str]) -> bool:
    """Whether a call that is skipped, because its name is unknown, should not be let pass so freely."""
    default = _strictness(profile.default_action)
    return any(_strictness(rule.action) < default and not unknown.isdisjoint(rule.names) for rule in rules)


def _write(ranges: dict[int, dict[int, _Outcome]]) -> bytes:
    program = bpf.ProgramWriter()
    label = program.returning(KILL_PROCESS)
    for architecture, starts in ranges.items():
        search = _write_search(program, _merged(starts))
        search = program.step(bpf.LOAD, _NUMBER_OFFSET, search)
        label = program.branch(bpf.JUMP_IF_EQUAL, architecture, then=search, otherwise=label)
    program.step(bpf.LOAD, _ARCHITECTURE_OFFSET, label)
    return program.finish()


def _merged(starts: dict[int, _Outcome]) -> list[tuple[int, _Outcome]]:
    ranges: list[tuple[int, _Outcome]] = []
    for start in sorted(starts):
        outcome = _without_unreachable(starts[start])
        if not ranges or ranges[-1][1] != outcome:
            ranges.append((start, outcome))
    return ranges


def _without_unreachable(outcome: _Outcome) -> _Outcome:
    for index, (conditions, _) in enumerate(outcome):
        if not conditions:
            return outcome[: index + 1]
    raise AssertionError("unreachable: the last alternative has no conditions")


def _write_search(program: bpf.ProgramWriter, ranges: list[tuple[int, _Outcome]]) -> int:
    """A binary search; the number has been loaded."""
    if len(ranges) == 1:
        return _write_outcome(program, ranges[0][1])
    middle = len(ranges) // 2
    above = _write_search(program, ranges[middle:])
    below = _write_search(program, ranges[:middle])
    return program.branch(bpf.JUMP_IF_GREATER_OR_EQUAL, ranges[middle][0], then=above, otherwise=below)


def _write_outcome(program: bpf.ProgramWriter, outcome: _Outcome) -> int:
    *alternatives, (_, otherwise) = outcome
    label = program.returning(otherwise)
    for conditions, action in reversed(alternatives):
        matching = program.returning(action)
        for condition in reversed(conditions):
            matching = _write_condition(program, condition, then=matching, otherwise=label)
        label = matching
    return label


def _write_condition(program: bpf.ProgramWriter, condition: Condition, *, then: int, otherwise: int) -> int:
    match condition.operator:
        case "EQ":
            return _write_equal(program, condition, then=then, otherwise=otherwise)
        case "NE":
            return _write_equal(program, condition, then=otherwise, otherwise=then)
        case "GT":
            return _write_greater(program, condition, bpf.JUMP_IF_GREATER, then=then, otherwise=otherwise)
        case "GE":
            return _write_greater(program, condition, bpf.JUMP_IF_GREATER_OR_EQUAL, then=then, otherwise=otherwise)
        case "LT":
            return _write_greater(program, condition, bpf.JUMP_IF_GREATER_OR_EQUAL, then=otherwise, otherwise=then)
        case "LE":
            return _write_greater(program, condition, bpf.JUMP_IF_GREATER, then=otherwise, otherwise=then)
        case _:
            return _write_masked(program, condition, then=then, otherwise=otherwise)


# The machine has 32 bits: an argument is compared in two halves, the high one first.
def _write_equal(program: bpf.ProgramWriter, condition: Condition, *, then: int, otherwise: int) -> int:
    high, low = _halves(condition.value)
    label = program.branch(bpf.JUMP_IF_EQUAL, low, then=then, otherwise=otherwise)
    label = program.step(bpf.LOAD, _low_offset(condition), label)
    label = program.branch(bpf.JUMP_IF_EQUAL, high, then=label, otherwise=otherwise)
    return program.step(bpf.LOAD, _high_offset(condition), label)


def _write_greater(
    program: bpf.ProgramWriter, condition: Condition, low_comparison: int, *, then: int, otherwise: int
) -> int:
    high, low = _halves(condition.value)
    label = program.branch(low_comparison, low, then=then, otherwise=otherwise)
    label = program.step(bpf.LOAD, _low_offset(condition), label)
    label = program.branch(bpf.JUMP_IF_EQUAL, high, then=label, otherwise=otherwise)
    label = program.branch(bpf.JUMP_IF_GREATER, high, then=then, otherwise=label)
    return program.step(bpf.LOAD, _high_offset(condition), label)


def _write_masked(program: bpf.ProgramWriter, condition: Condition, *, then: int, otherwise: int) -> int:
    high_mask, low_mask = _halves(condition.value)
    # As libseccomp: what lies outside of the mask means nothing in either of the two.
    high, low = _halves(condition.value_two & condition.value)
    label = program.branch(bpf.JUMP_IF_EQUAL, low, then=then, otherwise=otherwise)
    label = program.step(bpf.AND, low_mask, label)
    label = program.step(bpf.LOAD, _low_offset(condition), label)
    label = program.branch(bpf.JUMP_IF_EQUAL, high, then=label, otherwise=otherwise)
    label = program.step(bpf.AND, high_mask, label)
    return program.step(bpf.LOAD, _high_offset(condition), label)


def _halves(value: int) -> tuple[int, int]:
    return value >> 32, value & 0xFFFFFFFF


def _low_offset(condition: Condition) -> int:
    return _ARGUMENTS_OFFSET + 8 * condition.index


def _high_offset(condition: Condition) -> int:
    return _low_offset(condition) + 4
