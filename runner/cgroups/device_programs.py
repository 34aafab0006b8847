"""Rules for devices as a program that the kernel runs at each use of one, for version 2 of cgroups, which has no files.

The kernel tells the program what is asked for: the kind of device, its numbers, and which of reading, writing and mknod
(linux/bpf.h, struct bpf_cgroup_dev_ctx). Rules are looked at from the last to the first. A rule that allows strikes its
uses off those that are asked for; one that denies any that is left ends it. What no rule speaks of is allowed, as in a
new cgroup of version 1.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.cgroups.resources import DeviceRule

_KINDS = {"b": 1, "c": 2}
_USES = {"m": 1, "r": 2, "w": 4}
_ALL_USES = 7

# linux/bpf.h; 32-bit forms, for the numbers are no wider, and a constant is extended by its sign.
_LOAD, _COPY, _SET, _AND, _SHIFT_RIGHT, _EXIT = 0x61, 0xBC, 0xB7, 0x54, 0x74, 0x95
_JUMP_IF_EQUAL, _JUMP_IF_NOT = 0x16, 0x56

_RESULT, _CONTEXT, _KIND, _ASKED, _MAJOR, _MINOR, _SCRATCH = range(7)


def device_program(rules: Iterable[DeviceRule]) -> bytes:
    """An array of struct bpf_insn that decides as the rules say; a later one wins over an earlier one."""
    code = [
        _instruction(_LOAD, _KIND, _CONTEXT, offset=0),
        _instruction(_COPY, _ASKED, _KIND),
        _instruction(_AND, _KIND, value=0xFFFF),
        _instruction(_SHIFT_RIGHT, _ASKED, value=16),
        _instruction(_LOAD, _MAJOR, _CONTEXT, offset=4),
        _instruction(_LOAD, _MINOR, _CONTEXT, offset=8),
    ]
    for rule in reversed(tuple(rules)):
        code += _rule(rule)
    return b"".join([*code, *_answer(True)])


def _rule(rule: DeviceRule) -> list[bytes]:
    uses = sum(_USES[letter] for letter in rule.access)
    if rule.allow:
        # Zero is left where all that is asked for has been allowed.
        decide = [_instruction(_AND, _ASKED, value=~uses & _ALL_USES), _instruction(_JUMP_IF_NOT, _ASKED, offset=2)]
    else:
        decide = [
            _instruction(_COPY, _SCRATCH, _ASKED),
            _instruction(_AND, _SCRATCH, value=uses),
            _instruction(_JUMP_IF_EQUAL, _SCRATCH, offset=2),
        ]
    decide += _answer(rule.allow)
    compared = [
        (register, number)
        for register, number in ((_KIND, _KINDS.get(rule.kind)), (_MAJOR, rule.major), (_MINOR, rule.minor))
        if number is not None
    ]
    # Each comparison that fails leads behind the rule.
    beyond = len(compared) + len(decide)
    comparisons = [
        _instruction(_JUMP_IF_NOT, register, offset=beyond - index - 1, value=number)
        for index, (register, number) in enumerate(compared)
    ]
    return [*comparisons, *decide]


def _answer(allow: bool) -> list[bytes]:
    return [_instruction(_SET, _RESULT, value=int(allow)), _instruction(_EXIT)]


def _instruction(operation: int, target: int = 0, source: int = 0, *, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhI", operation, source << 4 | target, offset, value)
