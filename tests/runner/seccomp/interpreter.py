"""What the kernel does with a filter's program (net/core/filter.c), for the instructions that filters are made of."""

import struct


def run(program: bytes, architecture: int, number: int, arguments: tuple[int, ...]) -> int:
    """What `program` returns for a call; every jump has to stay inside."""
    data = struct.pack("<IIQ6Q", number, architecture, 0x7FFF_1234_5678, *arguments)
    instructions: list[tuple[int, int, int, int]] = list(struct.iter_unpack("<HBBI", program))
    accumulator, place = 0, 0
    while True:
        code, then, otherwise, operand = instructions[place]
        place += 1
        match code:
            case 0x20:
                assert operand % 4 == 0
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x54:
                accumulator &= operand
            case 0x05:
                place += operand
            case 0x15:
                place += then if accumulator == operand else otherwise
            case 0x25:
                place += then if accumulator > operand else otherwise
            case 0x35:
                place += then if accumulator >= operand else otherwise
            case 0x45:
                place += then if accumulator & operand else otherwise
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")
