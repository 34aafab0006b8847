"""The declarative table of routes, and the search in it.

Each resource module has its own `RouteTable` and puts its handlers there, each beside the permission it asks for::

    routes = RouteTable("manifest")

    @routes.get("/v2/{name}/manifests/{reference}", permission=Permission.PULL)
    async def get_manifest(call: Call) -> web.StreamResponse: ...

`{name}` is a repository's name: it holds slashes and takes as much of the path as it can, because words like `tags`
and `blobs` are legal in it; so a path is read from its right end. Every other parameter is one segment of any text,
so that a malformed one reaches its parser, which knows what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.errors import Meaning, MethodNotAllowed, RouteUnknown

if TYPE_CHECKING:
    from aiohttp import web

    from registry.http.call import Call

Handler: TypeAlias = "Callable[[Call], Awaitable[web.StreamResponse]]"
Malformed: TypeAlias = Mapping[type[Exception], Meaning]

REPOSITORY = "name"
"""The path parameter that names the repository of a route."""

UPLOAD = "upload"
"""The path parameter that names the upload session of a route: see `registry.http.lapsed_tokens`."""

_REMEMBERED_PATHS = 4096
_REMEMBERED_CHARACTERS = 400
_PARAMETER = re.compile(r"\{(\w+)\}")


class RouteInvalid(Exception):
    """A route that must not start, because nobody could be asked whether a request for it is allowed."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path: who may use it, who answers, and what malformed parameters mean on it.

    `label` names the resource in metrics. `malformed` overrides the error table for what this route's parameters may
    hold: an illegal tag is an unknown manifest to a GET and a bad name to a PUT. `at_once` tells of a handler that only
    reads, and mostly answers without waiting (`registry.http.at_once`).
    """

    label: str
    method: str
    path: str
    permission: Permission
    handler: Handler
    malformed: Malformed
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request, and what its path holds in the places of the route's parameters."""

    route: Route
    parameters: Mapping[str, str]


class RouteTable:
    """The routes of one resource, in the order of their decorators."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._routes: list[Route] = []

    def get(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None, at_once: bool = False
    ) -> Callable[[Handler], Handler]:
        """Answer GET; and HEAD, which mirrors it, unless the path has a handler for HEAD too."""
        return self._add("GET", path, permission, malformed, at_once=at_once)

    def head(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None, at_once: bool = False
    ) -> Callable[[Handler], Handler]:
        """Answer HEAD where doing what GET does would cost more than the answer needs."""
        return self._add("HEAD", path, permission, malformed, at_once=at_once)

    def post(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None
    ) -> Callable[[Handler], Handler]:
        """Answer POST."""
        return self._add("POST", path, permission, malformed)

    def put(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None
    ) -> Callable[[Handler], Handler]:
        """Answer PUT."""
        return self._add("PUT", path, permission, malformed)

    def patch(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None
    ) -> Callable[[Handler], Handler]:
        """Answer PATCH."""
        return self._add("PATCH", path, permission, malformed)

    def delete(
        self, path: str, *, permission: Permission, malformed: Malformed | None = None
    ) -> Callable[[Handler], Handler]:
        """Answer DELETE."""
        return self._add("DELETE", path, permission, malformed)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def _add(
        self, method: str, path: str, permission: Permission, malformed: Malformed | None, *, at_once: bool = False
    ) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self._routes.append(Route(self.label, method, path, permission, handler, malformed or {}, at_once))
            return handler

        return register


class Router:
    """Finds the route of a request. Made once, from all tables; refuses to be made from a route without a guard."""

    def __init__(self, tables: Iterable[RouteTable]) -> None:
        methods: dict[str, dict[str, Route]] = {}
        for route in (route for table in tables for route in table):
            _require_guard(route)
            if methods.setdefault(route.path, {}).setdefault(route.method, route) is not route:
                raise RouteInvalid(f"{route.method} {route.path} has two handlers")
        for of_path in methods.values():
            if "GET" in of_path:
                of_path.setdefault("HEAD", of_path["GET"])
        self._plain = {path: routes for path, routes in methods.items() if not _PARAMETER.search(path)}
        patterns = [_Pattern(path, routes) for path, routes in methods.items() if _PARAMETER.search(path)]
        # Where two patterns fit, the one with more fixed words is meant: `blobs/uploads` is no digest.
        patterns.sort(key=lambda pattern: -pattern.words)
        self._remembered = lru_cache(_REMEMBERED_PATHS)(self._search)
        self._anywhere = [pattern for pattern in patterns if pattern.anchor is None]
        self._anchored = {
            (first, anchor): [
                pattern for pattern in patterns if pattern.first == first and pattern.anchor in (anchor, None)
            ]
            for first, anchor in {(pattern.first, pattern.anchor) for pattern in patterns if pattern.anchor}
        }

    def match(self, method: str, path: str) -> Match:
        """The route for `path`, which is decoded but for `%2F` and `%25`.

        Raises:
            RouteUnknown: no resource has this path.
            MethodNotAllowed: the resource does not take this method.
        """
        # The same few paths are asked for again and again; long ones are somebody's experiment.
        return self._remembered(method, path) if len(path) <= _REMEMBERED_CHARACTERS else self._search(method, path)

    def _search(self, method: str, path: str) -> Match:
        routes, parameters = self._find(path)
        route = routes.get(method)
        if route is None:
            raise MethodNotAllowed(method, list(routes))
        return Match(route, parameters)

    def _find(self, path: str) -> tuple[Mapping[str, Route], Mapping[str, str]]:
        if (routes := self._plain.get(path)) is not None:
            return routes, {}
        # The first word and the one before the last tell nearly all resources apart, at the cost of one look.
        words = path.split("/")
        where = (words[1], words[-2]) if len(words) > 2 else ("", "")
        for pattern in self._anchored.get(where, self._anywhere):
            if (parameters := pattern.match(path)) is not None:
                return pattern.routes, parameters
        raise RouteUnknown


class _Pattern:
    """A path with parameters, and the methods that it takes."""

    def __init__(self, path: str, routes: Mapping[str, Route]) -> None:
        self.routes = routes
        segments = path.split("/")
        self.first = segments[1]
        # A repository's name at the end may push any word to the place before the last one.
        has_anchor = not _PARAMETER.search(segments[-2]) and segments[-1] != f"{{{REPOSITORY}}}"
        self.anchor = segments[-2] if has_anchor else None
        self.words = sum(not _PARAMETER.search(segment) for segment in segments)
        literals_and_names = _PARAMETER.split(path)
        expression = "".join(
            _group(text) if position % 2 else re.escape(text) for position, text in enumerate(literals_and_names)
        )
        self._expression = re.compile(expression, re.DOTALL)

    def match(self, path: str) -> dict[str, str] | None:
        found = self._expression.fullmatch(path)
        return {name: _decoded(text) for name, text in found.groupdict().items()} if found else None


def _group(name: str) -> str:
    return f"(?P<{name}>.+)" if name == REPOSITORY else f"(?P<{name}>[^/]+)"


def _decoded(text: str) -> str:
    return text.replace("%2F", "/").replace("%25", "%") if "%" in text else text


def _require_guard(route: Route) -> None:
    # Types promise this much, but a module that is not type-checked must not open a door by leaving it out.
    if not isinstance(route.permission, Permission):
        raise RouteInvalid(f"{route.method} {route.path} declares no permission")
    of_repository = route.permission in OF_REPOSITORIES
    if of_repository != (REPOSITORY in _PARAMETER.findall(route.path)):
        raise RouteInvalid(f"{route.method} {route.path}: {route.permission} and its path do not go together")
