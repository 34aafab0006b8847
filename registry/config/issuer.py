"""The name of an OpenID provider, which is a URL (OpenID Connect Discovery, "OpenID Provider Issuer Discovery")."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

_CHARACTERS: Final = 1024
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/@!$&'()*+,;=%\[\]-]+")
_OF_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_KNOWN_AS: Final = ".well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class IssuerUrl:
    """An issuer exactly as it stands in tokens; two that differ in a slash are two."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `https://login.example.com` or the same with a port or a path; `http` only of this machine.

        Raises:
            ValueError: it is not such a URL, is very long, or has credentials, a query or a fragment.
        """
        parts = urlsplit(text)
        _ = parts.port
        if len(text) > _CHARACTERS or not _PLAIN.fullmatch(text) or "@" in parts.netloc or not parts.hostname:
            raise ValueError("Expected a URL such as `https://login.example.com`, without a query")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _OF_THIS_MACHINE):
            raise ValueError("Expected a URL that begins with `https://`; `http://` is for `localhost` only")
        return cls(text)

    @property
    def discovery_url(self) -> str:
        """Where the provider tells about itself (OpenID Connect Discovery, "OpenID Provider Configuration Request")."""
        return f"{self.text.removesuffix('/')}/{_KNOWN_AS}"

    def __str__(self) -> str:
        return self.text
