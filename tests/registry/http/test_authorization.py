from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS, Subject
from registry.http import health
from registry.http.application import TABLES
from registry.http.routing import REPOSITORY, Route
from registry.metadata.visible import EVERYTHING, NOTHING, Visible
from tests.registry.assembly import open_services
from tests.registry.http.serving import Answer, Serve

ROUTES = [route for table in (*TABLES, health.metrics_routes) for route in table]
NAMES = [f"{route.method} {route.path}" for route in ROUTES]
VALUES = {
    REPOSITORY: "team/app",
    "digest": str(Digest.of(b"")),
    "reference": "1",
    "tag": "1",
    "upload": "u",
    "pattern": "1.*",
    "who": "alice",
    "repositories": "team%2F*",
    "account": "alice",
    "id": "1",
    "robot": "team+ci",
    "organisation": "team",
    "team": "builders",
}


class Only:
    """A policy that allows one permission, and notes for whom and what it was asked; namespaces are everybody's."""

    def __init__(self, *permissions: Permission) -> None:
        self.permissions = permissions
        self.asked: list[tuple[Subject, Permission, str | None]] = []

    async def allows(self, subject: Subject, permission: Permission, repository: object) -> bool:
        self.asked.append((subject, permission, str(repository) if repository is not None else None))
        return permission in self.permissions

    async def owns(self, subject: Subject, namespace: str) -> bool:
        return True

    async def makes_namespaces(self, subject: Subject) -> bool:
        return True

    async def visible(self, subject: Subject) -> Visible:
        return EVERYTHING if Permission.CATALOG in self.permissions else NOTHING


async def ask(serve: Serve, policy: Only, route: Route, *, root: Path, url: str) -> Answer:
    async with open_services(root, url, policy=policy) as services:
        client = await serve(services=services)
        return await client.ask(route.method, route.path.format_map(VALUES))


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
async def test_a_request_needs_the_permission_of_its_route(
    serve: Serve, route: Route, storage_root: Path, sqlite_url: str
) -> None:
    all_others = Only(*(set(Permission) - {route.permission}))

    answer = await ask(serve, all_others, route, root=storage_root, url=sqlite_url)

    assert answer.status == 403
    name = VALUES[REPOSITORY] if REPOSITORY in route.path else None
    assert all_others.asked == [(ANONYMOUS, route.permission, name)]


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
async def test_a_request_needs_no_other_permission(
    serve: Serve, route: Route, storage_root: Path, sqlite_url: str
) -> None:
    answer = await ask(serve, Only(route.permission), route, root=storage_root, url=sqlite_url)

    assert answer.status != 403
    assert answer.status < 500
