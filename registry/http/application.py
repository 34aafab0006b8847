"""The web application: all routes behind one dispatcher."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from registry.config.schema import Limits
from registry.http import blobs, catalog, docker_search, health, key_set, manifests, referrers, tags, uploads, version
from registry.http.call import Environment
from registry.http.dispatch import Dispatcher, add_common_headers
from registry.http.routing import Router, RouteTable
from registry.http.web_api import (
    accounts,
    api_document,
    audit,
    grants,
    keys,
    organisations,
    protections,
    repositories,
    robots,
    search,
    status,
    teams,
    workloads,
)
from registry.http.web_api import tags as api_tags
from registry.observability.access_log import AccessLog

TABLES: Final = (
    version.routes,
    blobs.routes,
    uploads.routes,
    manifests.routes,
    tags.routes,
    referrers.routes,
    catalog.routes,
    docker_search.routes,
    key_set.routes,
    api_document.routes,
    repositories.routes,
    search.routes,
    api_tags.routes,
    accounts.routes,
    keys.routes,
    audit.routes,
    protections.routes,
    grants.routes,
    organisations.routes,
    teams.routes,
    robots.routes,
    workloads.routes,
    status.routes,
    health.routes,
)
"""The routes of the main listener."""

HANDLERS: Final = (*(table.label for table in (*TABLES, health.metrics_routes)), "token", "openid_login")
"""The names of all resources, as metrics call them."""

DISPATCHER: Final = web.AppKey("dispatcher", Dispatcher)
"""Where an application keeps its dispatcher."""


def build_application(environment: Environment, access_log: AccessLog) -> web.Application:
    """The registry's API; with the metrics where the configuration wants them on the main listener.

    Raises:
        RouteInvalid: a route declares no permission.
    """
    tables = list(TABLES)
    if environment.config.metrics_on_main_listener:
        tables.append(health.metrics_routes)
    if environment.token_server is not None:
        # Imported here: where nobody logs in, signatures need not be loaded.
        from registry.http import openid_login, token

        tables += [token.routes, openid_login.routes]
    return _build(environment, access_log, tuple(tables))


def build_metrics_application(environment: Environment, access_log: AccessLog) -> web.Application:
    """What the metrics' own listener serves."""
    return _build(environment, access_log, (health.metrics_routes,))


def bounds_of_connections(limits: Limits) -> dict[str, float]:
    """What aiohttp is told of `limits`, by its own names, for every connection."""
    return {
        "keepalive_timeout": limits.keepalive_s,
        "max_line_size": limits.header_bytes,
        "max_field_size": limits.header_bytes,
    }


def _build(environment: Environment, access_log: AccessLog, tables: tuple[RouteTable, ...]) -> web.Application:
    dispatcher = Dispatcher(environment, Router(tables), access_log)

    @web.middleware
    async def dispatch(
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],  # noqa: ARG001 - aiohttp gives it by name
    ) -> web.StreamResponse:
        return await dispatcher.serve(request)

    application = web.Application(
        middlewares=[dispatch],
        handler_args={
            "access_log": None,
            # Bytes are stored as they were sent.
            "auto_decompress": False,
            **bounds_of_connections(environment.config.limits),
        },
    )
    application[DISPATCHER] = dispatcher
    application.on_response_prepare.append(add_common_headers)
    # Its only use is to say that `Expect` is not aiohttp's concern: the dispatcher sees to every request, whatever
    # aiohttp's own router thinks of it.
    application.router.add_route("*", "/{path:(?s:.*)}", _never_called, expect_handler=_expect_nothing)
    return application


async def _never_called(_request: web.Request) -> web.StreamResponse:
    raise AssertionError("the dispatcher answers every request")


async def _expect_nothing(_request: web.Request) -> None:
    """Say nothing yet: a body is asked for once its request is allowed and its bytes are wanted."""
