"""What a certificate is for: a host's name or address, as text that has been looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_LONGEST: Final = 253
_EXAMPLES: Final = "Expected a host name or an address, as in `registry.example.com`, `10.0.0.5` or `fd00::5`"


@dataclass(frozen=True, slots=True)
class HostName:
    """A DNS name in lower case, whose first label may be `*`, or an IP address in its shortest form."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name or an address; an IPv6 address may stand in brackets, a name may end with a dot.

        Raises:
            ValueError: it is neither, or one that no client can connect to.
        """
        address = _address(text)
        if address is not None:
            if address.is_unspecified:
                raise ValueError(f"{_EXAMPLES}; {address} stands for every interface, and clients connect to one")
            return cls(str(address))
        if not text.isascii():
            raise ValueError(f"{_EXAMPLES}; a name with other letters is written in its `xn--` form")
        name = text.lower().removesuffix(".")
        if ":" in name or "/" in name:
            raise ValueError(f"{_EXAMPLES}; without a scheme, port and path: a certificate holds for all of them")
        # What ends with a number would be read as an address by clients.
        if not _DNS_NAME.fullmatch(name) or len(name) > _LONGEST or name.rpartition(".")[2].isdigit():
            raise ValueError(_EXAMPLES)
        return cls(name)

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address, or None where it is a name."""
        return _address(self.text)

    def __str__(self) -> str:
        return self.text


def _address(text: str) -> IPv4Address | IPv6Address | None:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        # A zone ("%eth0") means something on one machine only, and certificates have no place for it.
        return None if "%" in bare else ip_address(bare)
    except ValueError:
        return None
