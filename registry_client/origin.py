"""Origins, and the URLs that answers point to (RFC 9110, "http(s) Normalization and Comparison" and "Location")."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from yarl import URL

from registry_client.errors import AnswerInvalid, RedirectRefused, cleaned

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, a host and a port: what a credential belongs to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Origin:
        """The origin written as `https://registry.example:5000`.

        Raises:
            ValueError: the text is no such origin, or has a path or a user in it.
        """
        url = URL(text)
        if str(url.path) not in {"", "/"} or url.query_string or url.fragment or url.user is not None:
            raise ValueError(f"{cleaned(text)!r} is more than a scheme, a host and a port")
        return cls.of(url)

    @classmethod
    def of(cls, url: URL) -> Origin:
        """The origin of an absolute URL.

        Raises:
            ValueError: the URL is not one of http or https, or has no host.
        """
        if url.scheme not in _SCHEMES or not url.host or not url.port:
            raise ValueError(f"{cleaned(_without_query(url))!r} is no URL of http or https")
        return cls(url.scheme, url.host.lower(), url.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{host}" if self.port == default else f"{self.scheme}://{host}:{self.port}"

    def url(self, path: str, query: str = "") -> URL:
        """The URL of a path, and of a query, which both are encoded already."""
        return URL(f"{self}{path}{'?' if query else ''}{query}", encoded=True)


def pointed_to(text: str, base: URL) -> URL:
    """Where a `Location` or `Link` in the answer of `base` points to, its path and query exactly as they were sent.

    Raises:
        AnswerInvalid: the text is no reference to a URL.
        RedirectRefused: it points from https to http, to a place that is no web server, or carries a user.
    """
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise AnswerInvalid(f"{cleaned(text)!r} does not say where to go on")
    try:
        # What is absolute is not joined: joining would take a URL without a host for one of the base's.
        absolute = text if "://" in text.partition("?")[0] else urljoin(str(base), text)
        url = URL(absolute.partition("#")[0], encoded=True)
        origin = Origin.of(url)
    except ValueError:
        raise RedirectRefused(f"{cleaned(text)!r} is no URL of http or https") from None
    if url.raw_user is not None or url.raw_password is not None:
        raise RedirectRefused("a URL with a user in it would carry credentials of somebody else's choice")
    if base.scheme == "https" and origin.scheme == "http":
        raise RedirectRefused(f"{shown(url)} is not secured, and {Origin.of(base)} is")
    return url


def shown(url: URL) -> str:
    """A URL as it may be shown: without its query, which can hold a signature or a session's secret."""
    return cleaned(_without_query(url))


def _without_query(url: URL) -> str:
    return str(url).partition("?")[0].partition("#")[0]
