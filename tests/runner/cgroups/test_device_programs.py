"""Programs that decide about devices, held against a reading of the rules use by use."""

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.cgroups.device_programs import device_program
from runner.cgroups.resources import DeviceRule


def decided(rules: tuple[DeviceRule, ...], kind: str, numbers: tuple[int, int], asked: str) -> bool:
    """What the rules mean, use by use."""
    for use in asked:
        for each in reversed(rules):
            same = each.kind in {"a", kind} and each.major in {None, numbers[0]} and each.minor in {None, numbers[1]}
            if same and use in each.access:
                if not each.allow:
                    return False
                break
    return True


def interpreted(program: bytes, kind: str, numbers: tuple[int, int], asked: str) -> bool:
    """What a program answers, by an interpreter of the few instructions that it may have."""
    bits = sum({"m": 1, "r": 2, "w": 4}[use] for use in asked)
    context = {0: bits << 16 | {"b": 1, "c": 2}[kind], 4: numbers[0], 8: numbers[1]}
    registers = [0] * 11
    place = 0
    while True:
        code, operands = program[8 * place], program[8 * place + 1]
        offset = int.from_bytes(program[8 * place + 2 : 8 * place + 4], "little", signed=True)
        value = int.from_bytes(program[8 * place + 4 : 8 * place + 8], "little")
        target, source = operands & 15, operands >> 4
        place += 1
        if code == 0x61:
            registers[target] = context[offset]
        elif code == 0xBC:
            registers[target] = registers[source]
        elif code == 0xB7:
            registers[target] = value
        elif code == 0x54:
            registers[target] &= value
        elif code == 0x74:
            registers[target] >>= value
        elif code == 0x56:
            place += offset if registers[target] != value else 0
        elif code == 0x16:
            place += offset if registers[target] == value else 0
        else:
            assert code == 0x95
            return bool(registers[0])


NUMBERS = st.sampled_from([0, 1, 3, 2**31, 2**32 - 1])
RULES = st.builds(
    DeviceRule, st.booleans(), st.sampled_from("bc"), st.none() | NUMBERS, st.none() | NUMBERS,
    st.sampled_from(["r", "w", "m", "rw", "rwm", "wm"]),
)  # fmt: skip
EVERY_DEVICE = st.builds(DeviceRule, st.booleans(), st.just("a"), st.none(), st.none(), st.just("rwm"))


@settings(max_examples=300)
@given(
    st.lists(RULES | EVERY_DEVICE, max_size=6).map(tuple),
    st.sampled_from("bc"),
    st.tuples(NUMBERS, NUMBERS),
    st.sampled_from(["r", "w", "m", "rw", "rm"]),
)
def test_a_program_decides_use_by_use_and_the_last_rule_wins(
    rules: tuple[DeviceRule, ...], kind: str, numbers: tuple[int, int], asked: str
) -> None:
    assert interpreted(device_program(rules), kind, numbers, asked) == decided(rules, kind, numbers, asked)
