"""What accounts cost: the same requests with a token as without, and the tokens themselves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace

from benchmarks.accounts import bearer, fetch_token, token_target
from benchmarks.content import REPOSITORY
from benchmarks.generator import Request, RequestPlan
from benchmarks.measure import Work
from benchmarks.servers import Server
from benchmarks.workloads.requests import Requests, manifest_requests
from benchmarks.workloads.workload import Kit, Unsuitable


class WithToken(Requests):
    """Manifests by tag; by the bearer of a token, where the server has accounts."""

    def __init__(self, kit: Kit, connections: int) -> None:
        super().__init__(kit, "manifest GET with a token", manifest_requests(kit, "GET", "tag"), connections)
        self._headers: dict[str, Mapping[str, str]] = {}

    def prepare(self, server: Server) -> None:
        if server.account is not None:
            with closing(server.connect()) as connection:
                self._headers[server.name] = bearer(fetch_token(connection, server.account, REPOSITORY))
        super().prepare(server)

    def _send(self, server: Server, plan: RequestPlan) -> Work:
        return super()._send(server, _with_headers(plan, self._headers.get(server.name, {})))


class TokenIssues(Requests):
    """New tokens for one repository, asked for with a personal token."""

    def __init__(self, kit: Kit, connections: int) -> None:
        super().__init__(kit, "token issue", [Request("GET", token_target(REPOSITORY))], connections)

    def prepare(self, server: Server) -> None:
        if server.account is None:
            raise Unsuitable("it issues no tokens")
        super().prepare(server)

    def _send(self, server: Server, plan: RequestPlan) -> Work:
        return super()._send(server, _with_headers(plan, server.account.basic if server.account else {}))


def _with_headers(plan: RequestPlan, headers: Mapping[str, str]) -> RequestPlan:
    return replace(
        plan,
        requests=tuple(replace(request, headers={**request.headers, **headers}) for request in plan.requests),
    )
