"""One request on its way through a handler, and what every handler works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from oci_spec.digest import Digest
from oci_spec.reference import Reference, RepositoryName, parse_reference
from registry.auth.access import Access
from registry.auth.subject import Subject
from registry.config import Config
from registry.http.at_once import TakesTime
from registry.http.authentication import Authentication, OpenAuthentication
from registry.http.request_body import RequestBody
from registry.http.traffic import Traffic
from registry.observability.metrics import Metrics
from registry.services.context import Services

if TYPE_CHECKING:
    from registry.services.logins import From
    from registry.services.token_server import TokenServer

# What is pulled at all is pulled often. What cannot be parsed is not remembered.
_REMEMBERED = 2048
_parse_digest = lru_cache(_REMEMBERED)(Digest.parse)
_parse_reference = lru_cache(_REMEMBERED)(parse_reference)
parse_repository = lru_cache(_REMEMBERED)(RepositoryName.parse)
"""`RepositoryName.parse`, with a memory."""


def query_value(request: web.Request, name: str) -> str | None:
    """The query parameter `name`; the last one, where a client appended to a query that had it already."""
    values = request.query.getall(name, [])
    return values[-1] if values else None


@dataclass(slots=True)
class Lifecycle:
    """Whether this process is about to stop: it then still serves, but tells load balancers to look away."""

    draining: bool = False


@dataclass(slots=True, kw_only=True)
class Environment:
    """What one serving process has, beside its services: configuration, figures, and threads that send files.

    A reload replaces `config`, and nothing else: who keeps a part of it keeps an old one.
    """

    services: Services
    config: Config
    metrics: Metrics
    transfers: ThreadPoolExecutor
    authentication: Authentication = field(default_factory=OpenAuthentication)
    token_server: TokenServer | None = None
    lifecycle: Lifecycle = field(default_factory=Lifecycle)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose route was found and whose subject may use it; `at_once` where it must not keep others waiting."""

    request: web.Request
    environment: Environment
    parameters: Mapping[str, str]
    subject: Subject
    traffic: Traffic
    effects: list[Callable[[], None]]
    granted: Access | None = None
    at_once: bool = False

    @property
    def services(self) -> Services:
        """The services of this process."""
        return self.environment.services

    @property
    def access(self) -> Access:
        """The subject's granted access to the repository in the path; for routes that name one."""
        assert self.granted is not None, "the route names no repository"
        return self.granted

    @property
    def digest(self) -> Digest:
        """The path's `{digest}`.

        Raises:
            DigestInvalid: it is none.
        """
        return _parse_digest(self.parameters["digest"])

    @property
    def reference(self) -> Reference:
        """The path's `{reference}`.

        Raises:
            DigestInvalid, TagInvalid: it is neither.
        """
        return _parse_reference(self.parameters["reference"])

    @property
    def token_server(self) -> TokenServer:
        """The server of tokens; for routes that are there only where there is one."""
        assert self.environment.token_server is not None, "the registry serves tokens"
        return self.environment.token_server

    @property
    def origin(self) -> From:
        """Where the request comes from, for whoever counts attempts to log in."""
        from registry.http.login_origin import login_origin

        return login_origin(self.request, self.environment.config.server.trusted_proxies)

    @property
    def body(self) -> RequestBody:
        """The request's body, to be read once."""
        return RequestBody(self.request, self.environment.config.limits.stall_s, self.traffic)

    def take_time(self) -> None:
        """Say that what follows is more than a moment's work, or begins what must not be begun twice.

        Raises:
            TakesTime: the answer is wanted at once; the handler is called again when there is time.
        """
        if self.at_once:
            raise TakesTime

    def each_time(self, effect: Callable[[], None]) -> None:
        """Have `effect`, which is quick, now; and again whenever this answer is given again without the handler."""
        effect()
        self.effects.append(effect)

    def query(self, name: str) -> str | None:
        """See `query_value`."""
        return query_value(self.request, name)

    def location(self, path: str) -> str:
        """`path` as clients reach it: without scheme and host, which a proxy knows better than the registry."""
        external = self.environment.config.server.external_url
        return f"{external.path_prefix}{path}" if external is not None else path
