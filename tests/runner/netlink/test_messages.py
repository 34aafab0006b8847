import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.netlink import messages
from runner.netlink.errors import NetlinkAnswerInvalid
from runner.netlink.messages import attribute, attributes, message, nested, read_text, read_u32, split, text, u8, u32

kinds = st.integers(1, 0x3FFF)


@given(st.dictionaries(kinds, st.binary(max_size=40)))
def test_what_is_written_is_read(values: dict[int, bytes]) -> None:
    written = b"".join(attribute(kind, value) for kind, value in values.items())

    assert attributes(written) == values
    assert len(written) % 4 == 0


@given(st.lists(st.tuples(st.integers(16, 200), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1), st.binary())))
def test_messages_of_one_datagram_are_told_apart(sent: list[tuple[int, int, int, bytes]]) -> None:
    filled = [message(*each) + bytes(-len(each[3]) % 4) for each in sent]

    answers = split(b"".join(filled))

    assert [(each.kind, each.flags, each.sequence, each.body) for each in answers] == sent


@given(st.binary(max_size=80))
def test_nonsense_raises_only_its_own_error(data: bytes) -> None:
    for read in (split, attributes, read_u32, read_text):
        with contextlib.suppress(NetlinkAnswerInvalid):
            read(data)


def test_numbers_and_texts_have_the_machines_form() -> None:
    assert u8(1, 7) == struct.pack("=HHBxxx", 5, 1, 7)
    assert u32(2, 7) == struct.pack("=HHI", 8, 2, 7)
    assert text(3, "eth0") == struct.pack("=HH4sxxxx", 9, 3, b"eth0")
    assert attributes(nested(4, u32(2, 7))) == {4: u32(2, 7)}


@pytest.mark.parametrize(
    "datagram",
    [
        bytes(15),
        struct.pack("=IHHII", 15, 16, 0, 1, 0),
        struct.pack("=IHHII", 17, 16, 0, 1, 0),
        message(16, 0, 1, b"") + bytes(3),
    ],
)
def test_a_message_that_does_not_fit_is_refused(datagram: bytes) -> None:
    with pytest.raises(NetlinkAnswerInvalid):
        split(datagram)


def test_messages_that_say_nothing_are_left_out() -> None:
    nothing = 1

    assert split(message(nothing, 0, 1, b"")) == []


def test_a_structure_that_is_cut_off_is_refused() -> None:
    (answer,) = split(message(16, 0, 1, b"abc"))

    with pytest.raises(NetlinkAnswerInvalid):
        answer.parse(struct.Struct("=I"))


def test_the_last_of_two_attributes_of_a_kind_counts() -> None:
    assert attributes(u32(2, 7) + u32(2, 8)) == {2: u32(2, 8)[4:]}


def test_an_attribute_is_found_without_looking_at_what_comes_after_it() -> None:
    (answer,) = split(message(16, 0, 1, bytes(4) + u32(2, 7) + u32(3, 8) + b"\xff\xff\xff\xff"))

    assert answer.find(struct.Struct("=I"), 3) == struct.pack("=I", 8)
    with pytest.raises(NetlinkAnswerInvalid):
        answer.find(struct.Struct("=I"), 4)


def test_a_text_ends_at_its_null() -> None:
    assert read_text(b"veth\0") == read_text(b"veth") == "veth"
    with pytest.raises(NetlinkAnswerInvalid):
        read_text(b"ve\0th\0")


def test_flags_of_a_kind_are_no_part_of_it() -> None:
    assert list(attributes(messages.attribute(0x8000 | 0x4000 | 5, b""))) == [5]
