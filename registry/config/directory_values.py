"""Values that say where an LDAP directory is, and what is asked of it."""

import re
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from registry.config.values import SocketAddress

NAME: Final = "{name}"
"""Stands for the name of whoever logs in."""

_PORTS: Final[dict[str, int]] = {"ldap": 389, "ldaps": 636}
_TEXT_CHARACTERS: Final = 1024
_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class LdapUrl:
    """A directory's server; `ldaps` is encrypted from the first byte on."""

    scheme: Literal["ldap", "ldaps"]
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ldaps://directory.example.com` or the same with a port.

        Raises:
            ValueError: it is not such a URL, or has more in it.
        """
        parts = urlsplit(text)
        port = parts.port
        if parts.scheme not in _PORTS or not parts.hostname or not text.isascii():
            raise ValueError("Expected a URL such as `ldaps://directory.example.com`")
        if "@" in parts.netloc or parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError("Expected a URL of scheme, host and port only")
        scheme: Literal["ldap", "ldaps"] = "ldaps" if parts.scheme == "ldaps" else "ldap"
        return cls(scheme, parts.hostname, port or _PORTS[scheme])

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        return SocketAddress(self.host, self.port).is_loopback

    def __str__(self) -> str:
        return f"{self.scheme}://{SocketAddress(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """The name of an entry (RFC 4514), or a pattern of such names; the directory says whether it is one."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name like `cn=registry,dc=example,dc=com`.

        Raises:
            ValueError: it has no `=`, is very long, or has characters that cannot be seen.
        """
        if "=" not in text or len(text) > _TEXT_CHARACTERS or not text.isprintable():
            raise ValueError("Expected a distinguished name such as `cn=registry,dc=example,dc=com`")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class LdapFilter:
    """Which entry is whose (RFC 4515); the directory says whether it is a filter."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a filter like `(uid={name})`.

        Raises:
            ValueError: it is not in brackets, which are closed again, or does not ask for `{name}`.
        """
        is_bracketed = text.startswith("(") and text.endswith(")") and text.count("(") == text.count(")")
        if not is_bracketed or NAME not in text or len(text) > _TEXT_CHARACTERS or not text.isprintable():
            raise ValueError("Expected a filter with `{name}` in it, such as `(uid={name})`")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class AttributeName:
    """The name of an attribute of an entry."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name like `entryUUID`.

        Raises:
            ValueError: it is none.
        """
        if not _ATTRIBUTE.fullmatch(text):
            raise ValueError("Expected the name of an attribute, such as `entryUUID`")
        return cls(text)

    def __str__(self) -> str:
        return self.text
