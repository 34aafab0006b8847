"""A person with a browser: follows links and redirects, keeps cookies, and fills in the forms that a provider shows."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, build_opener

_PAGES = 10


class Browser:
    """Goes where it is told, and answers each form with what it has been told to enter."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        """Enter these values into the fields of these names."""
        self._entries = entries
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def visit(self, url: str, until: str) -> str:
        """The page that holds `until`, or its address does, after all forms on the way to it were sent."""
        page = self._opened(url, None)
        for _ in range(_PAGES):
            if until in page.text or until in page.url:
                return page.text if until in page.text else page.url
            form = _Form(page.text)
            values = {name: self._entries.get(name, value) for name, value in form.fields.items()}
            page = self._opened(urljoin(page.url, form.action or page.url), urlencode(values).encode())
        raise AssertionError(f"{url} never led to {until}:\n{page.text}")

    def _opened(self, url: str, body: bytes | None) -> _Page:
        try:
            with self._opener.open(url, body, timeout=90) as response:
                return _Page(response.url, response.read().decode())
        except HTTPError as error:
            with error:
                # A redirect to a client that is not there ends with its address.
                return _Page(error.url or url, error.read().decode(errors="replace"))


class _Page:
    def __init__(self, url: str, text: str) -> None:
        self.url, self.text = url, text


class _Form(HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action, self.fields = "", dict[str, str]()
        self._depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and not self._depth:
            self._depth = 1
            self.action = given.get("action") or ""
        elif self._depth == 1 and tag in {"input", "button"} and given.get("name"):
            # Of several buttons, the first is pressed.
            self.fields.setdefault(given["name"] or "", given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._depth += 1
