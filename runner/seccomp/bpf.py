"""Programs of the classic Berkeley Packet Filter, as seccomp(2) takes them (linux/filter.h, linux/bpf_common.h).

A program is written from its end: jumps only lead forward, so every target is there when a jump to it is written, and
its distance is known.
"""

from __future__ import annotations

from runner.seccomp.errors import SeccompProgramTooLong

MAX_INSTRUCTIONS = 4096
"""What the kernel takes (BPF_MAXINSNS)."""

LOAD = 0x20
"""Load 32 bits from an offset of struct seccomp_data."""
AND = 0x54
JUMP = 0x05
JUMP_IF_EQUAL = 0x15
JUMP_IF_GREATER = 0x25
JUMP_IF_GREATER_OR_EQUAL = 0x35
RETURN = 0x06

_FARTHEST = 255


class ProgramWriter:
    """Writes a program backwards. A label is a place in it; all are counted from the end."""

    def __init__(self) -> None:
        self._backwards: list[bytes] = []
        self._returns: dict[int, int] = {}

    def returning(self, value: int) -> int:
        """The label of an instruction that ends the program with `value`; a near one is used again."""
        label = self._returns.get(value)
        # Two jumps and a load may come between; a farther one would need an instruction to get there, as many as a new.
        if label is None or len(self._backwards) - label > _FARTHEST - 4:
            label = self._returns[value] = self._write(RETURN, value)
        return label

    def step(self, code: int, operand: int, following: int) -> int:
        """The label of an instruction that is no jump, and goes on at `following`."""
        if following != len(self._backwards):
            self._write(JUMP, len(self._backwards) - following)
        return self._write(code, operand)

    def branch(self, code: int, operand: int, *, then: int, otherwise: int) -> int:
        """The label of a conditional jump."""
        # A long way takes one more instruction; writing it makes the other way longer, too.
        while True:
            here = len(self._backwards)
            if here - then > _FARTHEST:
                then = self._write(JUMP, here - then)
            elif here - otherwise > _FARTHEST:
                otherwise = self._write(JUMP, here - otherwise)
            else:
                return self._write(code, operand, here - then, here - otherwise)

    def finish(self) -> bytes:
        """The program: the instruction that was written last comes first.

        Raises:
            SeccompProgramTooLong: the kernel would not take it.
        """
        if len(self._backwards) > MAX_INSTRUCTIONS:
            raise SeccompProgramTooLong(len(self._backwards), MAX_INSTRUCTIONS)
        return b"".join(reversed(self._backwards))

    def _write(self, code: int, operand: int, then: int = 0, otherwise: int = 0) -> int:
        """Write struct sock_filter: 16 bits, twice 8, and 32; both architectures are little-endian."""
        self._backwards.append(code.to_bytes(2, "little") + bytes((then, otherwise)) + operand.to_bytes(4, "little"))
        return len(self._backwards)
