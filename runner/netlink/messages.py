"""The form of netlink's messages (netlink(7), linux/netlink.h): a header, a structure of the family's, attributes.

Numbers have the machine's byte order. Everything begins at a multiple of four bytes.
"""

from __future__ import annotations

from struct import Struct

from runner.netlink.errors import NetlinkAnswerInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = Struct("=IHHII")
"""struct nlmsghdr: length, kind, flags, sequence number, port."""

REQUEST = 0x1
MULTIPART = 0x2
ACKNOWLEDGE = 0x4
DUMP_INTERRUPTED = 0x10
EXCLUSIVE = 0x200
DUMP = 0x300
CREATE = 0x400

ERROR = 2
DONE = 3
OVERRUN = 4
_FIRST_OF_A_FAMILY = 0x10

_NESTED = 0x8000
_KIND = 0x3FFF
_ATTRIBUTE = Struct("=HH")
_U8 = Struct("=B")
_U32 = Struct("=I")


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A whole message."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, filled up to the next multiple of four."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def u8(kind: int, value: int) -> bytes:
    """An attribute that holds a number of 8 bits."""
    return attribute(kind, _U8.pack(value))


def u32(kind: int, value: int) -> bytes:
    """An attribute that holds a number of 32 bits."""
    return attribute(kind, _U32.pack(value))


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a text, ended by a null."""
    return attribute(kind, value.encode() + b"\0")


class Answer:
    """One message of an answer."""

    __slots__ = ("body", "flags", "kind", "sequence")

    def __init__(self, kind: int, flags: int, sequence: int, body: bytes) -> None:
        self.kind = kind
        self.flags = flags
        self.sequence = sequence
        self.body = body

    def parse(self, structure: Struct) -> tuple[tuple[int, ...], dict[int, bytes]]:
        """The fields of the family's structure, and the attributes after it.

        Raises:
            NetlinkAnswerInvalid: the message is shorter, or its attributes are none.
        """
        if len(self.body) < structure.size:
            raise NetlinkAnswerInvalid(f"{len(self.body)} bytes where {structure.size} belong")
        return structure.unpack_from(self.body), attributes(self.body[_filled(structure) :])

    def find(self, structure: Struct, kind: int) -> bytes | None:
        """The first attribute of a kind; what comes after it is not looked at.

        Raises:
            NetlinkAnswerInvalid: attributes before it are none.
        """
        return next((value for found, value in _each_attribute(self.body[_filled(structure) :]) if found == kind), None)


def split(datagram: bytes) -> list[Answer]:
    """The messages of a datagram.

    Raises:
        NetlinkAnswerInvalid: their lengths do not fit.
    """
    answers = []
    place = 0
    while place < len(datagram):
        if len(datagram) - place < HEADER.size:
            raise NetlinkAnswerInvalid("a header is cut off")
        length, kind, flags, sequence, _port = HEADER.unpack_from(datagram, place)
        if not HEADER.size <= length <= len(datagram) - place:
            raise NetlinkAnswerInvalid(f"a message of {length} bytes in {len(datagram) - place}")
        if kind >= _FIRST_OF_A_FAMILY or kind in {ERROR, DONE, OVERRUN}:
            answers.append(Answer(kind, flags, sequence, datagram[place + HEADER.size : place + length]))
        place += -(-length // 4) * 4
    return answers


def attributes(data: bytes) -> dict[int, bytes]:
    """Attributes by their kind; of a kind that comes twice, the last.

    Raises:
        NetlinkAnswerInvalid: their lengths do not fit.
    """
    return dict(_each_attribute(data))


def read_u32(value: bytes) -> int:
    """The number of 32 bits that an attribute holds.

    Raises:
        NetlinkAnswerInvalid: it holds more or less.
    """
    if len(value) != _U32.size:
        raise NetlinkAnswerInvalid(f"a number of {len(value)} bytes")
    number: int = _U32.unpack(value)[0]
    return number


def read_text(value: bytes) -> str:
    """The text that an attribute holds, with or without the null that ends it.

    Raises:
        NetlinkAnswerInvalid: a null is inside.
    """
    ended = value[:-1] if value.endswith(b"\0") else value
    if b"\0" in ended:
        raise NetlinkAnswerInvalid("a text with a null inside")
    return ended.decode("utf-8", "backslashreplace")


def _filled(structure: Struct) -> int:
    """The size of a structure that is filled up to a multiple of four."""
    return -(-structure.size // 4) * 4


def _each_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    place, end = 0, len(data)
    while place < end:
        if end - place < _ATTRIBUTE.size:
            raise NetlinkAnswerInvalid("an attribute is cut off")
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if not _ATTRIBUTE.size <= length <= end - place:
            raise NetlinkAnswerInvalid(f"an attribute of {length} bytes in {end - place}")
        yield kind & _KIND, data[place + _ATTRIBUTE.size : place + length]
        place += -(-length // 4) * 4
