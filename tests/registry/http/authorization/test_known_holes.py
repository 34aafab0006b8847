"""What went wrong in other registries, tried on this one while accounts are in force: a test for each hole.

Others have their tests where they belong: forged tokens (`auth/test_tokens`, `auth/test_external`), uploads of somebody
else (`http/test_lapsed_tokens`), one document with two readings (`oci_spec/test_manifest`), proxies' headers
(`http/test_arrival`), filters and sizes (`web_api/test_parameters`), the cost of unknown names (`auth/test_passwords`),
and a check that one of many routes forgot: `test_matrix`.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from registry.app.administrator import make_administrator
from registry.config import load
from registry.metadata.audit_values import AuditSearch
from registry.metadata.transaction import Transaction
from registry.observability.access_log import AccessLog
from registry.services import audit
from registry.services.context import Services, now
from tests.registry.http.authorization.callers import PASSWORD, Secrets
from tests.registry.http.authorization.rules import FOREIGN, PRIVATE, PUBLIC
from tests.registry.http.logging_in import basic, bearer
from tests.registry.http.serving import Answer, Client
from tests.registry.metadata.people import a_grant

CONTENT = b"what only the other organisation may read"
DIGEST = Digest.of(CONTENT)
EMPTY: dict[str, Any] = {"mediaType": OCI_EMPTY, "digest": str(Digest.of(b"{}")), "size": 2}
HTML = b"<html><script>alert(document.domain)</script></html>"


@pytest.fixture
def root(secrets: Secrets) -> dict[str, str]:
    return basic("root", secrets["root"]["personal"])


@pytest.fixture
def boss(secrets: Secrets) -> dict[str, str]:
    """The owner of the organisation `team`, who may nothing in `other`."""
    return basic("boss", secrets["boss"]["personal"])


@pytest.fixture
def reader(secrets: Secrets) -> dict[str, str]:
    return basic("reader", secrets["reader"]["personal"])


async def push(client: Client, who: dict[str, str], repository: str, content: bytes = CONTENT) -> Digest:
    digest = Digest.of(content)
    path = f"/v2/{repository}/blobs/uploads/?digest={digest}"
    assert (await client.ask("POST", path, data=content, headers=who)).status == 201
    return digest


async def push_manifest(
    client: Client, who: dict[str, str], repository: str, reference: str = "", **fields: Any
) -> tuple[Answer, Digest]:
    """The answer to the push of an artifact that names only the empty blob, unless `fields` say otherwise."""
    await push(client, who, repository, b"{}")
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": EMPTY, "layers": [EMPTY], **fields}
    content = json.dumps({"artifactType": "application/x", **document}).encode()
    digest = Digest.of(content)
    path = f"/v2/{repository}/manifests/{reference or digest}"
    return await client.ask("PUT", path, data=content, headers=who | {"Content-Type": OCI_MANIFEST}), digest


async def ask_exactly(client: Client, method: str, path: str, who: dict[str, str]) -> Answer:
    """The answer to a path that the client sends as it is written here: it would make another one of some."""
    lines = [f"{method} {path} HTTP/1.1", "Host: registry.test", *(f"{name}: {value}" for name, value in who.items())]
    if method == "POST":
        lines.append("Content-Length: 0")
    return await client.raw("\r\n".join([*lines, "", ""]).encode())


async def test_a_blob_of_another_tenant_is_unknown_to_whoever_knows_its_digest(
    client: Client, root: dict[str, str], boss: dict[str, str]
) -> None:
    await push(client, root, FOREIGN)

    for method in ("GET", "HEAD", "DELETE"):
        for repository in (PRIVATE, PUBLIC, "team/new"):
            answer = await client.ask(method, f"/v2/{repository}/blobs/{DIGEST}", headers=boss)
            assert answer.status == 404, (method, repository)
    manifest = {"mediaType": OCI_MANIFEST, "digest": str(DIGEST), "size": len(CONTENT)}
    refused, _ = await push_manifest(client, boss, PRIVATE, layers=[manifest])
    assert refused.refusal == (400, "MANIFEST_BLOB_UNKNOWN")


async def test_a_blob_of_another_tenant_is_mounted_as_if_it_were_nowhere(
    client: Client, root: dict[str, str], boss: dict[str, str]
) -> None:
    await push(client, root, FOREIGN)
    nowhere = Digest.of(b"never pushed")

    for query in ("", f"&from={FOREIGN}", "&from=other/absent"):
        told = []
        for digest in (DIGEST, nowhere):
            answer = await client.ask("POST", f"/v2/{PRIVATE}/blobs/uploads/?mount={digest}{query}", headers=boss)
            told.append((answer.status, sorted(answer.headers), answer.body))
        assert told[0] == told[1]
        assert told[0][0] == 202
    assert (await client.get(f"/v2/{PRIVATE}/blobs/{DIGEST}", headers=boss)).status == 404


async def test_a_token_for_the_source_of_a_mount_is_no_right_to_it(
    client: Client, root: dict[str, str], boss: dict[str, str]
) -> None:
    await push(client, root, FOREIGN)
    scopes = urlencode({"scope": f"repository:{PRIVATE}:pull,push repository:{FOREIGN}:pull"})
    token = (await client.get(f"/token?{scopes}", headers=boss)).document["token"]

    answer = await client.ask(
        "POST", f"/v2/{PRIVATE}/blobs/uploads/?mount={DIGEST}&from={FOREIGN}", headers=bearer(token)
    )

    assert answer.status == 202


async def test_a_deleted_blob_is_not_readable_again_because_another_repository_gets_it(
    client: Client, root: dict[str, str], boss: dict[str, str]
) -> None:
    await push(client, boss, PRIVATE)
    path = f"/v2/{PRIVATE}/blobs/{DIGEST}"
    assert (await client.get(path, headers=boss)).body == CONTENT
    assert (await client.ask("DELETE", path, headers=boss)).status == 202

    await push(client, root, FOREIGN)

    assert [(await client.ask(method, path, headers=boss)).status for method in ("GET", "HEAD")] == [404, 404]


async def test_no_list_tells_of_repositories_that_may_not_be_pulled_from(
    client: Client, root: dict[str, str], reader: dict[str, str]
) -> None:
    for repository in (PUBLIC, PRIVATE, FOREIGN):
        await push_manifest(client, root, repository, "1")

    for who, names in (({}, [PUBLIC]), (reader, [PRIVATE, PUBLIC]), (root, [FOREIGN, PRIVATE, PUBLIC])):
        for query in ("", "?n=1000", "?last=a"):
            assert (await client.get(f"/v2/_catalog{query}", headers=who)).document == {"repositories": names}
        for query in ("", "?sort=updated&order=desc", "?q=private", "?limit=1000"):
            listed = (await client.get(f"/api/v1/repositories{query}", headers=who)).document
            shown = [each["name"] for each in listed["repositories"]]
            assert set(shown) == {name for name in names if "q=" not in query or "private" in name}, query
            assert FOREIGN not in json.dumps(listed) or who is root
        for word in ("private", "public", "other", FOREIGN):
            found = {name for name in names if word in name}
            searched = (await client.get(f"/api/v1/search?q={word}", headers=who)).document
            assert {each["name"] for each in searched["repositories"]} == found, word
            by_docker = (await client.get(f"/v1/search?q={word}", headers=who)).document
            assert {each["name"] for each in by_docker["results"]} == found, word
            assert by_docker["num_results"] == len(found)


CATALOGS = (
    "/v2/_catalog/",
    "/v2//_catalog",
    "//v2/_catalog",
    "/V2/_catalog",
    "/v2/%5Fcatalog",
    "/v2/_catalog?n=1000&n=1",
    "/v2/./_catalog",
    "/v2/team/../_catalog",
    "/v2/_catalog%2F",
    "/v2/_catalog;a=b",
)


async def test_no_other_spelling_of_its_path_opens_the_catalog(client: Client, root: dict[str, str]) -> None:
    await push_manifest(client, root, FOREIGN, "1")

    for path in CATALOGS:
        for method in ("GET", "POST"):
            answer = await ask_exactly(client, method, path, {})
            assert FOREIGN.encode() not in answer.body, path
            assert answer.status < 500, path


async def test_referrers_do_not_cross_repositories(client: Client, root: dict[str, str], boss: dict[str, str]) -> None:
    _, subject = await push_manifest(client, root, FOREIGN)
    named = {"mediaType": OCI_MANIFEST, "digest": str(subject), "size": 1}
    _, signature = await push_manifest(client, root, FOREIGN, subject=named, annotations={"a": "secret"})

    told = await client.get(f"/v2/{PRIVATE}/referrers/{subject}", headers=boss)

    assert (told.status, told.document["manifests"]) == (200, [])
    assert (await client.get(f"/v2/{FOREIGN}/referrers/{subject}", headers=boss)).status == 403
    assert (await client.get(f"/v2/{PRIVATE}/manifests/{signature}", headers=boss)).status == 404
    seen = await client.get(f"/v2/{FOREIGN}/referrers/{subject}", headers=root)
    assert [each["digest"] for each in seen.document["manifests"]] == [str(signature)]


async def test_whoever_leaves_a_team_loses_its_roles_although_their_token_says_otherwise(
    client: Client, services: Services, root: dict[str, str]
) -> None:
    await push(client, root, FOREIGN)
    account_id, team_id = await services.database.write(join_builders)
    scope = urlencode({"scope": f"repository:{FOREIGN}:pull"})
    token = (await client.get(f"/token?{scope}", headers=basic("stranger", PASSWORD))).document["token"]
    path = f"/v2/{FOREIGN}/blobs/{DIGEST}"
    assert (await client.get(path, headers=bearer(token))).body == CONTENT

    await services.database.write(lambda tx: tx.teams.remove_member(team_id, account_id))

    assert (await client.get(path, headers=bearer(token))).status == 401
    assert (await client.get(path, headers=basic("stranger", PASSWORD))).status == 403


def join_builders(tx: Transaction) -> tuple[int, int]:
    stranger, other = tx.accounts.find("stranger"), tx.namespaces.find("other")
    assert stranger is not None
    assert other is not None
    builders = tx.teams.make(other.id, "builders", now())
    assert builders is not None
    tx.teams.add_member(builders.id, stranger.id)
    a_grant(tx, "other/*", "other/", "reader", team_id=builders.id)
    return stranger.id, builders.id


# Texts that a filesystem, a proxy or another parser could take for `other/private`, or for a way out of a folder.
TRICKS = [
    "team/../other/private",
    "team/%2e%2e/other/private",
    "team%2F..%2Fother%2Fprivate",
    "team/..%5Cother/private",
    "other%5Cprivate",
    "OTHER/private",
    "other/Private",
    "other//private",
    "other/./private",
    "other/private/",
    "other/private%20",
    "other/private.",
    "other/private%00",
    "other/private%0A",
    "other%252Fprivate",
    "other%EF%BC%8Fprivate",  # a wide slash
    "%EF%BD%8Fther/private",  # a wide `o`
    "%CE%BFther/private",  # a Greek `o`
    "ot%C2%ADher/private",  # a soft hyphen
    "othe%CC%80r/private",
    "other/pr%C4%B1vate",  # an `i` without a dot
    "other%c0%afprivate",  # a slash that is too long
    "other;x/private",
    "other/private%3F",
    "%2Fother%2Fprivate",
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
]


async def test_no_spelling_of_a_name_leads_to_another_repository(
    client: Client, root: dict[str, str], boss: dict[str, str], storage_root: Path
) -> None:
    await push(client, root, FOREIGN)
    await push_manifest(client, root, FOREIGN, "1")
    before = sorted(storage_root.rglob("*"))

    for name, who in product(TRICKS, (boss, {}, root)):
        for path in (f"/v2/{name}/blobs/{DIGEST}", f"/v2/{name}/manifests/1", f"/api/v1/repositories/{name}"):
            answer = await ask_exactly(client, "GET", path, who)
            assert 400 <= answer.status < 500, path
            assert CONTENT not in answer.body, path
        begun = await ask_exactly(client, "POST", f"/v2/{name}/blobs/uploads/", who)
        assert 400 <= begun.status < 500, name

    assert sorted(storage_root.rglob("*")) == before


async def test_no_digest_tag_or_upload_is_a_path(client: Client, boss: dict[str, str]) -> None:
    for path in (
        f"/v2/{PRIVATE}/blobs/sha256:..%2F..%2F..%2Fetc%2Fpasswd",
        f"/v2/{PRIVATE}/blobs/sha256:{'0' * 63}%2F",
        f"/v2/{PRIVATE}/blobs/..%2Fuploads:{'0' * 64}",
        f"/v2/{PRIVATE}/blobs/uploads/..%2F..%2Fregistry.db",
        f"/v2/{PRIVATE}/blobs/uploads/%2Fetc%2Fpasswd",
        f"/v2/{PRIVATE}/manifests/..%2F..%2Fregistry.db",
        f"/api/v1/repositories/{PRIVATE}/tags/..%2F..%2Fregistry.db",
    ):
        assert (await ask_exactly(client, "GET", path, boss)).status in {400, 404}, path


async def test_no_body_takes_a_field_that_nobody_described(client: Client, root: dict[str, str]) -> None:
    document = (await client.get("/api/v1/openapi.json")).document
    bodies = {
        (method, path): operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    }

    assert len(bodies) > 5
    for (method, path), name in bodies.items():
        assert document["components"]["schemas"][name].get("additionalProperties") is False, (method, path)


async def test_a_protected_tag_is_not_moved_by_the_push_of_a_digest(client: Client, boss: dict[str, str]) -> None:
    _, first = await push_manifest(client, boss, PRIVATE, "1")
    protected = await client.ask("PUT", f"/api/v1/repositories/{PRIVATE}/protections/1", headers=boss)
    assert protected.status == 204
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}).encode()

    answer = await client.ask(
        "PUT",
        f"/v2/{PRIVATE}/manifests/{Digest.of(content)}?tag=2&tag=1",
        data=content,
        headers=boss | {"Content-Type": OCI_INDEX},
    )

    assert answer.refusal == (403, "DENIED")
    told = await client.ask("HEAD", f"/v2/{PRIVATE}/manifests/1", headers=boss)
    assert told.headers["Docker-Content-Digest"] == str(first)


async def test_no_browser_finds_a_page_in_what_was_pushed_or_said(client: Client, boss: dict[str, str]) -> None:
    digest = await push(client, boss, PUBLIC, HTML)
    repository = f"/api/v1/repositories/{PUBLIC}"
    await push_manifest(client, boss, PUBLIC, "1", annotations={"a": HTML.decode()})
    described = await client.ask("PATCH", repository, json={"description": HTML.decode()}, headers=boss)
    assert described.status == 204

    for path in (
        f"/v2/{PUBLIC}/blobs/{digest}",
        f"/v2/{PUBLIC}/manifests/1",
        repository,
        f"{repository}/tags/1",
        f"/v2/{HTML.decode()}/tags/list",
        f"/api/v1/repositories?q={HTML.decode()}",
    ):
        answer = await client.get(path.replace(" ", "%20"), headers={"Accept": "text/html"})
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Content-Type"].split("/")[0] == "application", path


@pytest.mark.parametrize(
    "path", ["//evil.example/", "/%5Cevil.example/", "/v2/?next=//evil.example", "/%2F/evil.example", "/\\evil.example"]
)
async def test_no_answer_leads_a_browser_to_another_host(client: Client, boss: dict[str, str], path: str) -> None:
    elsewhere = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}

    answer = await ask_exactly(client, "GET", path, elsewhere)

    assert "Location" not in answer.headers
    assert "evil.example" not in answer.headers.get("WWW-Authenticate", "")
    begun = await client.ask("POST", f"/v2/{PRIVATE}/blobs/uploads/", headers=boss | elsewhere)
    assert begun.headers["Location"].startswith(f"/v2/{PRIVATE}/")
    realm = (await ask_exactly(client, "GET", "/v2/", elsewhere)).headers["WWW-Authenticate"]
    assert 'realm="http://registry.test/token"' in realm


async def test_no_page_of_another_origin_may_read_answers(client: Client, boss: dict[str, str]) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE"}

    for method, path in (("GET", f"/api/v1/repositories/{PUBLIC}"), ("OPTIONS", f"/api/v1/repositories/{PUBLIC}")):
        answer = await client.ask(method, path, headers=boss | asked)
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert answer.status == 405


@pytest.mark.parametrize("origin", ["https://evil.example", "http://registry.test.evil.example", "null", ""])
async def test_no_page_of_another_site_makes_a_browser_change_anything(
    client: Client, boss: dict[str, str], origin: str
) -> None:
    await push_manifest(client, boss, PRIVATE, "1")
    # As a form sends it, which a browser does not ask about before.
    asked = boss | {"Content-Type": "text/plain", "Host": "registry.test"}
    path = f"/api/v1/repositories/{PRIVATE}/tags/1/restore"

    refused = await client.ask("POST", path, data=b"{}", headers=asked | {"Origin": origin})
    own = await client.ask("POST", path, data=b"{}", headers=asked | {"Origin": "http://registry.test"})
    program = await client.ask("POST", path, data=b"{}", headers=asked)

    assert (refused.status, refused.document["code"]) == (403, "DENIED")
    assert refused.document["detail"] == "pages of other sites may not change anything here"
    # There is nothing to go back to, which is told to whoever may ask.
    assert own.status == program.status == 404


async def test_no_pattern_of_many_stars_keeps_a_worker_busy(client: Client, boss: dict[str, str]) -> None:
    await push_manifest(client, boss, PRIVATE, "a" * 128)
    stars = "*a" * 63 + "*b"

    protected = await client.ask("PUT", f"/api/v1/repositories/{PRIVATE}/protections/{stars}", headers=boss)
    moved = await client.ask("DELETE", f"/api/v1/repositories/{PRIVATE}/tags/{'a' * 128}", headers=boss)

    # A pattern that backtracks would not end before the test does.
    assert (protected.status, moved.status) == (204, 204)


async def test_no_secret_is_written_to_the_log_or_the_audit_log(
    client: Client,
    services: Services,
    secrets: Secrets,
    access_log: Path,
    log: AccessLog,
    capfd: pytest.CaptureFixture[str],
) -> None:
    personal, refresh = secrets["boss"]["personal"], secrets["root"]["refresh"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": f"repository:{PRIVATE}:pull"}
    token = (await client.ask("POST", "/token", data=urlencode(form).encode())).document["token"]
    wrong = "not the password of anybody"
    for headers in (basic("boss", PASSWORD), basic("boss", wrong), basic("boss", personal), bearer(token)):
        for path in (f"/v2/{PRIVATE}/tags/list", "/token", "/api/v1/audit", "/no/such/path"):
            await client.get(path, headers=headers)
    for secret in (PASSWORD, personal, refresh, token):
        query = urlencode({"account": "boss", "password": secret, "token": secret, "access_token": secret})
        await client.get(f"/token?{query}", headers=basic("boss", personal))
    begun = await client.ask("POST", f"/v2/{PRIVATE}/blobs/uploads/", headers=basic("boss", personal))
    state = begun.headers["Location"].partition("_state=")[2]
    await client.get(begun.headers["Location"], headers=basic("stranger", PASSWORD))
    await client.until_idle()
    await services.refusals.flush(services.database)
    log.close()

    rows = await audit.page(services, AuditSearch(), None, 1000)
    written = [str(row) for row in rows] + [access_log.read_text(), *capfd.readouterr()]

    assert any("request.refused" in text for text in written)
    assert "/v2/" in access_log.read_text()
    for secret in (PASSWORD, wrong, personal, refresh, token, state):
        assert secret
        assert not [text for text in written if secret in text or urlencode({"": secret})[1:] in text], secret


async def test_who_knows_the_password_of_a_disabled_account_is_not_told_so(
    client: Client, services: Services, secrets: Secrets
) -> None:
    lost = await services.database.read(lambda tx: tx.accounts.find("lost"))
    assert lost is not None
    await services.database.write(lambda tx: tx.accounts.disable(lost.id))

    answers = [
        await client.get("/token", headers=basic(name, password))
        for name, password in (("lost", PASSWORD), ("lost", "wrong"), ("absent", PASSWORD))
    ]

    assert {(answer.status, answer.body, answer.headers["WWW-Authenticate"]) for answer in answers} == {
        (401, answers[0].body, 'Basic realm="registry"')
    }


def test_the_first_administrator_has_no_password_that_others_know(sqlite_url: str, tmp_path: Path) -> None:
    another = tmp_path / "another.db"
    another.write_bytes(Path(sqlite_url.removeprefix("sqlite:///")).read_bytes())
    made = [
        make_administrator(load(environment={}, flags={"server.data": str(tmp_path), "database.url": url}))
        for url in (sqlite_url, f"sqlite:///{another}")
    ]

    assert made[0] != made[1]
    assert all(password is not None and len(password) >= 20 for password in made)


# What two readers of one stream could understand differently, and so hide a request in another's body.
SMUGGLED = b"GET /api/v1/audit HTTP/1.1\r\nHost: registry.test\r\n\r\n"
BODIES = {
    "a length and chunks": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 60\r\n\r\n",
    "a list of lengths": b"Content-Length: 0, 60\r\n\r\n",
    "a length with a sign": b"Content-Length: +0\r\n\r\n",
    "a length that is no number": b"Content-Length: 0x0\r\n\r\n",
    "a space before the colon": b"Content-Length : 60\r\n\r\n",
    "chunks twice": b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding with a tab": b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a continued line": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a null in a header": b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "a chunk size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "a chunk size in other digits": b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
}


@pytest.mark.parametrize("body", BODIES)
async def test_no_request_is_smuggled_in_another_whose_length_has_two_readings(client: Client, body: str) -> None:
    head = b"POST /token HTTP/1.1\r\nHost: registry.test\r\n"

    async with client.connection() as connection:
        await connection.send(head, BODIES[body], SMUGGLED)
        answer = await connection.answer()
        rest = await connection.rest()

    assert answer.status == 400
    assert rest == b""
