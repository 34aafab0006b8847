"""Values of the configuration that are more than text: addresses, networks and URLs.

Each is made by `X.parse(text)`, which raises ValueError saying what was expected; `str(x)` goes back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

_SQLITE = "sqlite:///"
MASK = "***"
"""What stands in the place of a secret."""

# The path goes into headers as it is.
_PLAIN = re.compile(r"[A-Za-z0-9._~:/?#@\[\]-]+")
_URL_CHARACTERS = 2048
_QUOTABLE = re.compile(r"[ !#-\[\]-~]{1,255}")
_PREFIX = re.compile(r"(?=.{1,200}$)[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
_SECRET_PARAMETERS = frozenset({"password", "sslpassword"})


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where to listen: a host (an address, or a name to resolve) and a TCP port; port 0 lets the kernel choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`, an IPv6 address in brackets.

        Raises:
            ValueError: it is not of that form.
        """
        host, colon, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError("Expected an IPv6 address in brackets, as in `[::1]:5000`")
        if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError("Expected `host:port`, as in `127.0.0.1:5000`")
        if not host:
            raise ValueError("Expected a host before the port; every interface is `0.0.0.0` or `[::]`")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address. A name other than `localhost` counts as reachable."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses in CIDR notation; a lone address is the range of itself."""

    range: IPv4Network | IPv6Network

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `10.0.0.0/8`, `fd00::/8` or one address.

        Raises:
            ValueError: it is neither, or bits beyond the prefix are set.
        """
        try:
            return cls(ip_network(text))
        except ValueError as error:
            raise ValueError(f"Expected a network such as `10.0.0.0/8`: {error}") from error

    def __contains__(self, address: str) -> bool:
        """Tell whether the address, as text, lies in the range; an IPv4 address mapped into IPv6 counts as IPv4."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if parsed.version == 6 and parsed.ipv4_mapped is not None:
            return parsed.ipv4_mapped in self.range
        return parsed in self.range

    def __str__(self) -> str:
        return str(self.range)


@dataclass(frozen=True, slots=True)
class ExternalUrl:
    """The address that clients use, when a proxy stands before the registry."""

    scheme: Literal["http", "https"]
    authority: str
    path_prefix: str
    """Empty, or begins with a slash and ends without one."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `https://registry.example.com` or the same with a port or a path.

        Raises:
            ValueError: it is not such a URL, is very long, or has credentials, a query or a fragment.
        """
        if len(text) > _URL_CHARACTERS:
            raise ValueError(f"Expected a URL of at most {_URL_CHARACTERS} characters")
        parts = urlsplit(text)
        _ = parts.port
        if parts.scheme not in ("http", "https") or not parts.hostname or not _PLAIN.fullmatch(text):
            raise ValueError("Expected a URL such as `https://registry.example.com`")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("Expected a URL without credentials, query and fragment")
        scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
        return cls(scheme, parts.netloc, parts.path.rstrip("/"))

    @property
    def host(self) -> str:
        """The name or address in it."""
        return urlsplit(str(self)).hostname or ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path_prefix}"


@dataclass(frozen=True, slots=True)
class PlainText:
    """A name that headers can quote and tokens can hold."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 1 to 255 printable ASCII characters without quotes and backslashes, and no space at either end.

        Raises:
            ValueError: it is not such a text.
        """
        if not _QUOTABLE.fullmatch(text) or text != text.strip():
            raise ValueError("Expected 1 to 255 printable ASCII characters without quotes and backslashes")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class KeyPrefix:
    """What names of objects begin with: nothing, or folders that end with a slash."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `registry/`, with or without the slash, or nothing.

        Raises:
            ValueError: it is long, begins with a slash, or has other characters than names everywhere may have.
        """
        if text and not _PREFIX.fullmatch(text):
            raise ValueError("Expected up to 200 letters, digits, `.`, `_`, `-` and single `/`, as in `registry/`")
        return cls(f"{text.rstrip('/')}/" if text else "")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class SecretText:
    """A secret; it shows itself where `str()` asks for it, and nowhere else."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any text that is not empty; whoever uses it knows what it has to be."""
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseUrl:
    """Where the metadata lives: `sqlite:////absolute/file.db` or `postgresql://user:password@host/database`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL of one of the two forms; a SQLite path may be relative (`sqlite:///file.db`).

        Raises:
            ValueError: it is of neither form. The message does not repeat the URL, which may hold a password.
        """
        if text.startswith(_SQLITE) and len(text) > len(_SQLITE) and not set("?#\0") & set(text):
            return cls(text)
        if text.startswith("postgresql://") and _names_a_database(text):
            return cls(text)
        raise ValueError("Expected `sqlite:////path/file.db` or `postgresql://user:password@host:port/name`")

    @classmethod
    def of_sqlite(cls, file: Path) -> Self:
        """Name the SQLite database in `file`."""
        return cls(f"{_SQLITE}{file}")

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database it is."""
        return "sqlite" if self.text.startswith(_SQLITE) else "postgresql"

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file, or None when it is not SQLite."""
        return Path(self.text.removeprefix(_SQLITE)) if self.dialect == "sqlite" else None

    @property
    def parameters(self) -> frozenset[str]:
        """The names of what its query sets."""
        return frozenset(name for name, _ in parse_qsl(urlsplit(self.text).query, keep_blank_values=True))

    def with_parameters(self, values: Mapping[str, str]) -> Self:
        """The same with more in its query."""
        if not values:
            return self
        return type(self)(
            f"{self.text}{'&' if '?' in self.text else '?'}{urlencode(values, safe='/', quote_via=quote)}"
        )

    @property
    def masked(self) -> str:
        """The URL with stars in place of its passwords, for people and logs."""
        if self.dialect == "sqlite":
            return self.text
        parts = urlsplit(self.text)
        query = f"?{_masked_query(parts)}" if parts.query else ""
        return f"{parts.scheme}://{_masked_netloc(parts)}{parts.path}{query}"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"DatabaseUrl({self.masked!r})"


def _names_a_database(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        # Its text may quote a part of the password.
        return False
    return len(parts.path) > 1


def _masked_netloc(parts: SplitResult) -> str:
    credentials, at, host = parts.netloc.rpartition("@")
    user, colon, _ = credentials.partition(":")
    return f"{user}{colon}{MASK if colon else ''}{at}{host}"


def _masked_query(parts: SplitResult) -> str:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name in _SECRET_PARAMETERS for name, _ in pairs):
        return parts.query
    return "&".join(f"{quote(name)}={MASK if name in _SECRET_PARAMETERS else quote(value)}" for name, value in pairs)
