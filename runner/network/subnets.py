"""Networks of IPv4 as numbers. The standard library's `ipaddress` takes longer to load than an address to give."""

from __future__ import annotations

from runner.netlink.addresses import packed

_BITS = 32
_GATEWAY = 1


class Subnet:
    """A network, of which the first address is the host's."""

    __slots__ = ("_first", "prefix")

    def __init__(self, network: str, prefix: int) -> None:
        self._first = _number(network) >> (_BITS - prefix) << (_BITS - prefix)
        self.prefix = prefix
        """The length of the network's part."""

    @classmethod
    def parse(cls, text: str) -> Subnet:
        """A network that is written as `10.213.0.0/16`.

        Raises:
            ValueError: it is none, or too small for a host and a container.
        """
        network, _, prefix = text.partition("/")
        if not prefix.isascii() or not prefix.isdigit() or not 1 <= int(prefix) <= _BITS - 2:
            raise ValueError(f"{text!r} is no network")
        return cls(network, int(prefix))

    def __str__(self) -> str:
        return f"{_text(self._first)}/{self.prefix}"

    @property
    def gateway(self) -> str:
        """The host's address."""
        return _text(self._first + _GATEWAY)

    def overlaps(self, network: str, prefix: int) -> bool:
        """Whether an address is in both networks."""
        bits = _BITS - min(self.prefix, prefix)
        return self._first >> bits == _number(network) >> bits

    def next_free(self, taken: set[str], *, after: str | None) -> str | None:
        """The next address after one that is not taken, and begins again at the end; None if all are."""
        lowest, highest = self._first + _GATEWAY + 1, self._first + (1 << (_BITS - self.prefix)) - 2
        last = _number(after) if after is not None else highest
        if not lowest <= last <= highest:
            last = highest
        for numbers in (range(last + 1, highest + 1), range(lowest, last + 1)):
            for number in numbers:
                address = _text(number)
                if address not in taken:
                    return address
        return None


def hardware_address(address: str) -> str:
    """The hardware address for an address.

    As everywhere, one is made of the other: who still knows an address of a container that is gone, knows that of the
    next one that has it.
    """
    return f"02:42:{packed(address)[1].hex(':')}"


def _number(address: str) -> int:
    return int.from_bytes(packed(address)[1], "big")


def _text(number: int) -> str:
    return ".".join(map(str, number.to_bytes(4, "big")))
