"""A socket to the kernel: requests go out one at a time, and answers are waited for."""

from __future__ import annotations

from _socket import AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, socket
from struct import Struct

from runner.netlink.errors import NetlinkAnswerInvalid, NetlinkRefused
from runner.netlink.messages import (
    ACKNOWLEDGE,
    DONE,
    DUMP,
    DUMP_INTERRUPTED,
    ERROR,
    HEADER,
    OVERRUN,
    REQUEST,
    Answer,
    attributes,
    message,
    read_text,
    split,
)

ROUTE = 0
"""Links, addresses and routes (rtnetlink(7))."""

NETFILTER = 12
"""The firewall (linux/netfilter/nfnetlink.h)."""

# linux/netlink.h
_SOL_NETLINK = 270
_CAP_ACK = 10
_EXT_ACK = 11
_ACK_HAS_ATTRIBUTES = 0x200
_ACK_EXPLANATION = 1
_MSG_TRUNC = 0x20

_LARGEST_DATAGRAM = 1 << 16
_TRIES = 10
_ERROR_NUMBER = Struct("=i")


class Connection:
    """A netlink socket of the network namespace in which it is opened; it stays there. To be used in `with`."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self, family: int = ROUTE) -> None:
        self._socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family)
        self._socket.bind((0, 0))
        # Errors come with words, and without the whole request.
        self._socket.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._sequence = 0

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def change(self, kind: int, body: bytes, *, doing: str, flags: int = 0) -> None:
        """Ask for a change, and wait until it is made.

        Args:
            kind: of the message.
            body: the family's structure, and attributes.
            doing: what it is, in words for an error.
            flags: more of the header's flags.

        Raises:
            NetlinkRefused: it is not made.
        """
        self._send(kind, REQUEST | ACKNOWLEDGE | flags, body)
        while True:
            for answer in self._receive():
                if answer.kind == ERROR:
                    _raise_error(answer, doing)
                    return

    def find(self, kind: int, body: bytes, *, doing: str) -> Answer | None:
        """Ask for one thing; None if it is not there.

        Raises:
            NetlinkRefused: for any other reason.
        """
        # Without an acknowledgement: the thing, or the error, is the answer.
        self._send(kind, REQUEST, body)
        while True:
            for answer in self._receive():
                if answer.kind != ERROR:
                    return answer
                try:
                    _raise_error(answer, doing)
                except NetlinkRefused as refused:
                    if refused.is_absence:
                        return None
                    raise

    def dump(self, kind: int, body: bytes, *, doing: str) -> list[Answer]:
        """Ask for all things of a kind, as they are at one moment.

        Raises:
            NetlinkRefused: they are not told, or change all the time.
        """
        for _ in range(_TRIES):
            answers, interrupted = self._dump(kind, body, doing)
            if not interrupted:
                return answers
        raise NetlinkAnswerInvalid(f"{doing}: it changed each time while it was read")

    def _dump(self, kind: int, body: bytes, doing: str) -> tuple[list[Answer], bool]:
        self._send(kind, REQUEST | DUMP, body)
        found: list[Answer] = []
        interrupted = False
        while True:
            for answer in self._receive():
                interrupted = interrupted or bool(answer.flags & DUMP_INTERRUPTED)
                if answer.kind in {ERROR, DONE}:
                    # What ends a dump begins with an error number, too.
                    _raise_error(answer, doing)
                    return found, interrupted
                found.append(answer)

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        self._socket.send(message(kind, flags, self._sequence, body))

    def _receive(self) -> list[Answer]:
        """The next messages that answer the last request."""
        datagram, _, flags, sender = self._socket.recvmsg(_LARGEST_DATAGRAM)
        if flags & _MSG_TRUNC:
            raise NetlinkAnswerInvalid(f"a datagram of more than {_LARGEST_DATAGRAM} bytes")
        # Any process may send to this socket; the kernel's port is 0.
        if sender[0] != 0:
            return []
        answers = [answer for answer in split(datagram) if answer.sequence == self._sequence]
        if any(answer.kind == OVERRUN for answer in answers):
            raise NetlinkAnswerInvalid("data was lost")
        return answers


def _raise_error(answer: Answer, doing: str) -> None:
    """Raise what an answer tells; an error of number 0 is an acknowledgement."""
    if len(answer.body) < _ERROR_NUMBER.size:
        raise NetlinkAnswerInvalid("an error without a number")
    number = -_ERROR_NUMBER.unpack_from(answer.body)[0]
    if number == 0:
        return
    explanation = b""
    if answer.flags & _ACK_HAS_ATTRIBUTES:
        # After the number: the header of the request, where it is an error that comes; nothing at the end of a dump.
        skipped = _ERROR_NUMBER.size + (HEADER.size if answer.kind == ERROR else 0)
        explanation = attributes(answer.body[skipped:]).get(_ACK_EXPLANATION, b"")
    raise NetlinkRefused(doing, number, read_text(explanation))
