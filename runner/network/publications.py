"""Which ports of a container are reached through which ports of the host: the values of `-p`."""

from __future__ import annotations

from _socket import AF_INET, inet_pton

from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.network.errors import PublicationInvalid

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - where ports are published unless somebody says otherwise, as everywhere

_HIGHEST_PORT = 65535
_PROTOCOLS = ("tcp", "udp")
# What is exposed is told, and need not be published.
_EXPOSED_PROTOCOLS = (*_PROTOCOLS, "sctp")


class Publication(Record):
    """A port of a container, and where the host has it."""

    port: int
    """The container's."""
    first: int
    """The host's; the first that is free from here to `last` is taken, and any that is free where both are 0."""
    last: int
    address: str = EVERY_ADDRESS
    """The host's, of IPv4."""
    protocol: str = "tcp"

    def at(self, port: int) -> Publication:
        """The same at one certain port of the host."""
        return self._replace(first=port, last=port)

    def collides(self, other: Publication) -> bool:
        """Whether both, at certain ports, want the same."""
        addresses = {self.address, other.address}
        same_address = len(addresses) == 1 or EVERY_ADDRESS in addresses
        return same_address and (self.first, self.protocol) == (other.first, other.protocol)

    def __str__(self) -> str:
        ports = f"{self.first}-{self.last}" if self.last != self.first else f"{self.first}"
        return f"{self.address}:{ports}/{self.protocol}"


def parse(text: str) -> list[Publication]:
    """The ports that one `-p` publishes: `[ADDRESS:][PORT]:PORT[/PROTOCOL]`, each port alone or a range.

    Raises:
        PublicationInvalid: it is none, or asks for what is not built.
    """
    ports, _, protocol = text.partition("/")
    protocol = protocol.lower() if "/" in text else "tcp"
    if protocol not in _PROTOCOLS:
        raise _invalid(text, f"expected {' or '.join(_PROTOCOLS)} after the port")
    if ports.startswith("["):
        raise _invalid(text, "addresses of IPv6 cannot be published yet")
    address, host, container = (["", "", *ports.split(":")])[-3:] if ports.count(":") < 3 else [""] * 3
    first, last = _range(text, container)
    host_first, host_last = _range(text, host) if host else (0, 0)
    _check_address(text, address)
    address = address or EVERY_ADDRESS
    if first == last:
        return [Publication(first, first=host_first, last=host_last, address=address, protocol=protocol)]
    if host and host_last - host_first != last - first:
        raise _invalid(text, "the ranges have different lengths")
    return [
        Publication(port, first=own, last=own, address=address, protocol=protocol)
        for port in range(first, last + 1)
        for own in [host_first + port - first if host else 0]
    ]


def parse_exposed(text: str) -> list[str]:
    """The ports that one `--expose`, or an image, names: `PORT[/PROTOCOL]`, alone or a range; each as `80/tcp`.

    Raises:
        PublicationInvalid: it is none.
    """
    ports, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in _EXPOSED_PROTOCOLS:
        raise _invalid(text, f"expected {', '.join(_EXPOSED_PROTOCOLS)} after the port")
    first, last = _range(text, ports)
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def _range(text: str, ports: str) -> tuple[int, int]:
    """The first and the last port of a range, or of one alone."""
    first, separator, last = ports.partition("-")
    numbers = [_port(text, first), _port(text, last if separator else first)]
    if numbers[0] > numbers[1]:
        raise _invalid(text, "the range goes backwards")
    return numbers[0], numbers[1]


def _port(text: str, port: str) -> int:
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _HIGHEST_PORT:
        raise _invalid(text, f"expected ports from 1 to {_HIGHEST_PORT}, as [ADDRESS:][PORT]:PORT")
    return int(port)


def _check_address(text: str, address: str) -> None:
    if not address:
        return
    try:
        inet_pton(AF_INET, address)
    except (OSError, ValueError) as error:
        raise _invalid(text, "expected an address of IPv4 before the ports") from error


def _invalid(text: str, reason: str) -> PublicationInvalid:
    # Only here: who reads what was parsed, such as every monitor, does without the errors.
    from runner.network.errors import PublicationInvalid

    return PublicationInvalid(text, reason)
