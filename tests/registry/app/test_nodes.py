"""Ten nodes over one PostgreSQL and one shared directory, started together: no node is special."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_MANIFEST
from tests.faults.pushing import image_of
from tests.postgresql import PostgresCluster
from tests.registry.app.processes import Answer, Registry, starting
from tests.registry.http.logging_in import basic, bearer

# Ten of them start at the same time.
pytestmark = [pytest.mark.tool("postgres"), pytest.mark.timeout(300)]

_NODES = 10
_PASSWORD = re.compile(r"with the password (\S+)\n")
_LAYER = b"a layer"
_TOO_LITTLE = {401, 403, 404}


@dataclass
class Nodes:
    """The nodes, and the password of the administrator that one of them has made."""

    nodes: list[Registry]
    password: str

    def ask(self, number: int, method: str, path: str, headers: Mapping[str, str], document: object = None) -> Answer:
        """The answer of node `number` of the circle to a request, with a JSON document or bytes for a body."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        if document is None:
            return self._node(number).ask(method, path, headers=headers)
        kind = {"Content-Type": "application/json"} | dict(headers)
        return self._node(number).ask(method, path, body, headers=kind)

    def manage(self, number: int, method: str, path: str, document: object = None) -> Any:
        """What the administrator is answered by the web API."""
        answer = self.ask(number, method, f"/api/v1{path}", basic("admin", self.password), document)
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def token(self, number: int, headers: Mapping[str, str], *scopes: str) -> str:
        """A token of node `number`."""
        query = urlencode([("service", "moorage"), *(("scope", scope) for scope in scopes)])
        answer = self.ask(number, "GET", f"/token?{query}", headers)
        assert answer.status == 200, answer.body
        token: str = json.loads(answer.body)["token"]
        return token

    def _node(self, number: int) -> Registry:
        return self.nodes[number % len(self.nodes)]


@pytest.fixture(scope="module")
def nodes(postgresql_cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    directory = tmp_path_factory.mktemp("nodes")
    settings = (
        f"database.url={postgresql_cluster.url(postgresql_cluster.create())}",
        f"storage.filesystem.root={directory / 'storage'}",
        "auth.mode=token",
        "server.workers=1",
    )
    with ExitStack() as stack:
        # All of them are begun before any has come far.
        begun = [stack.enter_context(starting(directory / f"node{number}", *settings)) for number in range(_NODES)]
        for node in begun:
            node.await_listening()
        shown = [found for node in begun for found in _PASSWORD.findall("".join(node.said))]
        assert len(shown) == 1, "exactly one node shows a password"
        yield Nodes(begun, shown[0])


@pytest.fixture
def image(nodes: Nodes) -> str:
    """An image that was pushed through several nodes, a request each; its digest."""
    token = bearer(nodes.token(0, basic("admin", nodes.password), "repository:team/app:pull,push"))
    for number, content in enumerate((b"{}", _LAYER)):
        began = nodes.ask(number, "POST", "/v2/team/app/blobs/uploads/", token)
        assert began.status == 202, began.body
        path = began.headers["Location"]
        went_on = nodes.ask(number + 1, "PATCH", path, token, content)
        assert went_on.status == 202, went_on.body
        path = f"{went_on.headers['Location']}&digest={Digest.of(content)}"
        assert nodes.ask(number + 2, "PUT", path, token).status == 201
    pushed = _push_manifest(nodes, 3, token, "1")
    assert pushed.status == 201, pushed.body
    return pushed.headers["Docker-Content-Digest"]


def test_one_administrator_and_one_set_of_keys_are_made(nodes: Nodes) -> None:
    sets = [nodes.ask(number, "GET", "/.well-known/jwks.json", {}).body for number in range(_NODES)]

    assert len(json.loads(sets[0])["keys"]) == 1
    assert sets == [sets[0]] * _NODES
    assert [each["name"] for each in nodes.manage(5, "GET", "/accounts")["accounts"]] == ["admin"]


def test_a_token_is_accepted_by_every_node_at_once(nodes: Nodes, image: str) -> None:
    for number in range(_NODES):
        token = nodes.token(number, basic("admin", nodes.password), "repository:team/app:pull")
        answer = nodes.ask(number + 1, "GET", "/v2/team/app/manifests/1", bearer(token) | {"Accept": OCI_MANIFEST})
        assert answer.status == 200
        assert answer.headers["Docker-Content-Digest"] == image


def test_a_rotation_on_one_node_refuses_nothing_on_another(nodes: Nodes, image: str) -> None:
    old = nodes.token(1, basic("admin", nodes.password), "repository:team/app:pull")

    for number in range(5):
        nodes.manage(number, "POST", "/keys", {"old_keys": "verify"})
        new = nodes.token(number, basic("admin", nodes.password), "repository:team/app:pull")
        for other in range(number + 1, number + 4):
            for token in (old, new):
                assert nodes.ask(other, "GET", f"/v2/team/app/manifests/{image}", bearer(token)).status == 200


def test_what_one_node_has_acknowledged_every_other_answers_by(nodes: Nodes, image: str) -> None:
    token = bearer(nodes.token(0, basic("admin", nodes.password), "repository:team/app:pull,push,delete"))

    for number in range(_NODES):
        moved = _push_manifest(nodes, number, token, "moving", note=str(number)).headers["Docker-Content-Digest"]
        for other in range(_NODES):
            answer = nodes.ask(other, "HEAD", "/v2/team/app/manifests/moving", token)
            assert answer.headers["Docker-Content-Digest"] == moved

        assert nodes.ask(number + 1, "DELETE", f"/v2/team/app/manifests/{moved}", token).status == 202
        for other in range(_NODES):
            for reference in (moved, "moving"):
                assert nodes.ask(other, "GET", f"/v2/team/app/manifests/{reference}", token).status == 404


def test_rights_that_one_node_has_taken_back_are_gone_on_every_other(nodes: Nodes, image: str) -> None:
    nodes.manage(0, "POST", "/accounts", {"name": "alice", "password": "correct horse battery"})
    alice = basic("alice", "correct horse battery")
    made = json.loads(nodes.ask(1, "POST", "/api/v1/accounts/alice/tokens", alice, {"name": "laptop"}).body)
    personal = basic("alice", made["token"])

    def answers(headers: Mapping[str, str]) -> list[int]:
        return [nodes.ask(n, "GET", f"/v2/team/app/manifests/{image}", headers).status for n in range(_NODES)]

    for number in range(3):
        nodes.manage(number, "PUT", "/grants/alice/team%2Fapp", {"role": "reader"})
        token = bearer(nodes.token(number + 1, alice, "repository:team/app:pull"))
        for headers in (alice, personal, token):
            assert answers(headers) == [200] * _NODES
        nodes.manage(number + 2, "DELETE", "/grants/alice/team%2Fapp")
        for headers in (alice, personal, token):
            assert set(answers(headers)) <= _TOO_LITTLE

    nodes.manage(0, "PUT", "/grants/alice/team%2Fapp", {"role": "reader"})
    token = bearer(nodes.token(1, personal, "repository:team/app:pull"))
    assert answers(personal) == answers(token) == [200] * _NODES
    assert nodes.ask(2, "DELETE", f"/api/v1/accounts/alice/tokens/{made['id']}", alice).status == 204
    assert answers(personal) == answers(token) == [401] * _NODES
    assert answers(alice) == [200] * _NODES
    nodes.manage(3, "PATCH", "/accounts/alice", {"is_disabled": True})
    assert answers(alice) == [401] * _NODES


def _push_manifest(nodes: Nodes, number: int, headers: Mapping[str, str], tag: str, note: str = "") -> Answer:
    document = json.loads(image_of(_LAYER)) | ({"annotations": {"note": note}} if note else {})
    kind = {"Content-Type": OCI_MANIFEST}
    return nodes.ask(number, "PUT", f"/v2/team/app/manifests/{tag}", {**headers, **kind}, document)
