"""The API document: valid, complete, and true of what is answered."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from oci_spec.digest import Digest
from registry.auth.account_name import AccountName, TeamName
from registry.auth.permission import Permission
from registry.auth.subject import OPERATOR
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.config.issuer import IssuerUrl
from registry.config.schema import Server
from registry.config.values import ExternalUrl
from registry.http.application import TABLES
from registry.services import organisations, robots, teams, workload_trusts
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, ROOT, basic
from tests.registry.http.serving import Answer, Client, Serve
from tests.registry.http.web_api.api_document import ApiDocument
from tests.registry.http.web_api.reading import refused_parameter
from tests.registry.pushing import AMD64, ARM64, UNKNOWN, Pusher

ROUTES = {route.path: route for table in TABLES for route in table if route.path.startswith("/api/")}
DOCUMENT = "/api/v1/openapi.json"
ORGANISATION = "/api/v1/organisations/{organisation}"
REPOSITORY = "/api/v1/repositories/{name}"


async def test_the_document_is_valid_and_public(client: Client) -> None:
    document = await ApiDocument.read(client)

    validate(document.content)
    assert ROUTES[DOCUMENT].permission is Permission.PUBLIC


async def test_exactly_the_routes_are_described(client: Client) -> None:
    document = await ApiDocument.read(client)

    routes = {(route.method, route.path) for table in TABLES for route in table if route.path.startswith("/api/")}
    assert set(document.operations) == routes - {("GET", DOCUMENT)}
    for (_, path), operation in document.operations.items():
        in_path = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path)
    names = [operation["operationId"] for operation in document.operations.values()]
    assert len(names) == len(set(names))


async def test_only_what_is_public_is_to_be_had_without_credentials(client: Client) -> None:
    document = await ApiDocument.read(client)

    assert document.content["security"] == [{"basic": []}, {"bearer": []}, {}]
    assert {"basic", "bearer"} == set(document.content["components"]["securitySchemes"])
    for method, path, needs_login in (
        ("GET", "/api/v1/repositories", False),
        ("GET", f"{REPOSITORY}/tags", False),
        ("DELETE", REPOSITORY, True),
        ("GET", "/api/v1/account", True),
        ("GET", "/api/v1/accounts/{account}", True),
        ("GET", "/api/v1/audit", True),
    ):
        assert ("security" in document.operations[method, path]) is needs_login, path
        assert {} not in document.operations[method, path].get("security", [])


async def test_paths_are_relative_to_where_clients_reach_the_registry(serve: Serve) -> None:
    proxied = await serve(tables={"server": Server(external_url=ExternalUrl.parse("https://example.com/registry"))})
    direct = await serve()

    servers = [(await ApiDocument.read(client)).content["servers"] for client in (proxied, direct)]

    # Clients write a path, which begins with a slash, behind the server's URL.
    assert servers == [[{"url": "/registry"}], [{"url": "/"}]]


async def test_every_answer_is_what_the_document_says(guarded: Client, guarded_services: Services) -> None:
    document = await ApiDocument.read(guarded)
    pusher = Pusher.to(guarded_services, "team/app")
    image = await pusher.image("1", config={**AMD64, "config": {"Cmd": ["sh"]}, "history": [{"created_by": "COPY"}]})
    children = [{**image, "platform": AMD64}, {**await pusher.image(config=b"{"), "platform": ARM64}]
    statement = {**await pusher.image(config=UNKNOWN), "platform": UNKNOWN}
    await pusher.index("2", manifests=[*children, statement], annotations={"a": "b"})
    await pusher.image("3", config_type="application/x", subject=image)
    await pusher.index("2", manifests=children)
    values = {
        "name": "team/app",
        "tag": "2",
        "pattern": "3.*",
        "who": ALICE,
        "repositories": "team%2F*",
        "account": ALICE,
        "id": "1",
        "robot": "team+ci",
        "organisation": "crew",
        "team": "builders",
    }
    crew, alice = AccountName.parse("crew"), AccountName.parse(ALICE)
    await organisations.create(guarded_services, OPERATOR, crew)
    await organisations.set_member(guarded_services, OPERATOR, crew, alice, is_owner=True)
    await teams.create(guarded_services, OPERATOR, TeamName.parse("crew/builders"))
    ci = AccountName.parse("team+ci")
    await robots.create(guarded_services, OPERATOR, ci)
    claims = [ClaimPattern("sub", "repo:team/app:*")]
    workload = WorkloadTrust.of(IssuerUrl("https://issuer.example"), "registry", claims)
    await workload_trusts.add(guarded_services, OPERATOR, ci, workload)
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("POST", "/api/v1/organisations"): {"json": {"name": "new"}},
        ("PUT", f"{ORGANISATION}/members/{{account}}"): {"json": {"is_owner": True}},
        ("POST", f"{ORGANISATION}/teams"): {"json": {"name": "new"}},
        ("POST", "/api/v1/robots"): {
            "json": {"name": "team+new", "roles": [{"repository": "team/*", "role": "writer"}]}
        },
        ("PATCH", "/api/v1/robots/{robot}"): {"json": {"is_disabled": False}},
        ("POST", "/api/v1/robots/{robot}/workloads"): {
            "json": {"issuer": "https://issuer.example", "audience": "registry", "claims": {"sub": "x"}}
        },
        ("PATCH", REPOSITORY): {"json": {"description": "# An app"}},
        ("PUT", f"{REPOSITORY}/visibility"): {"json": {"visibility": "public"}},
        ("PUT", f"{REPOSITORY}/owner"): {"json": {"owner": "alice"}},
        ("PUT", "/api/v1/grants/{who}/{repositories}"): {"json": {"role": "reader"}},
        ("PUT", f"{REPOSITORY}/tags/{{tag}}"): {"json": {"digest": image["digest"]}},
        ("POST", f"{REPOSITORY}/tags/{{tag}}/restore"): {"json": {"steps": 1}},
        ("POST", "/api/v1/accounts"): {"json": {"name": "bob"}},
        ("PATCH", "/api/v1/accounts/{account}"): {"json": {"is_admin": True}},
        ("PUT", "/api/v1/accounts/{account}/password"): {"json": {"password": "a different battery"}},
        ("POST", "/api/v1/accounts/{account}/tokens"): {"json": {"name": "ci", "repositories": ["team/*"]}},
        ("POST", "/api/v1/keys"): {"json": {"old_keys": "verify"}},
    }

    async def ask(method: str, path: str, values: dict[str, str], query: str) -> Answer:
        body = bodies.get((method, path), {})
        return await guarded.ask(method, path.format_map(values) + query, **body, headers=basic(ROOT))

    # Deletions last, the longest path first: what is answered before them has something to tell.
    operations = sorted(document.operations, key=lambda operation: (operation[0] == "DELETE", -len(operation[1])))
    for method, path in operations:
        needed = required(document.operations[method, path])
        for query in ("?unknown=1", f"?limit=1&{needed}", f"?{needed}"):
            answer = await ask(method, path, values, query)
            document.check((method, path), answer)
        assert answer.status in {200, 201, 204}, (method, path)
        for name in ("team/absent", "BAD"):
            answer = await ask(method, path, {**values, "name": name, "tag": "1"}, query)
            document.check((method, path), answer)


async def test_every_parameter_takes_what_the_document_says_and_nothing_else(
    client: Client, http_services: Services
) -> None:
    document = await ApiDocument.read(client)
    await Pusher.to(http_services, "team/app").index("1", manifests=[])
    await teams.create(http_services, OPERATOR, TeamName.parse("team/builders"))
    values = {"name": "team/app", "tag": "1", "organisation": "team", "team": "builders"}
    values["who"] = "@team%2Fbuilders"
    checked = 0

    for (method, path), operation in document.operations.items():
        for parameter in operation["parameters"]:
            # What is removed is not there to be removed with another value.
            if parameter["in"] != "query" or method == "DELETE":
                continue
            taken, refused = examples(parameter["schema"])
            for value, is_taken in [(value, True) for value in taken] + [(value, False) for value in refused]:
                others = required(operation, but=parameter["name"])
                url = f"{path.format_map(values)}?{parameter['name']}={value}&{others}"
                answer = await client.ask(method, url)
                if is_taken:
                    assert answer.status == 200, url
                else:
                    assert refused_parameter(answer)[0] == parameter["name"], url
                checked += 1

    assert checked > 30


def required(operation: dict[str, Any], but: str = "") -> str:
    """The parameters that an operation cannot do without, as a query; without the one named `but`."""
    return "&".join(
        f"{parameter['name']}=app"
        for parameter in operation["parameters"]
        if parameter["in"] == "query" and parameter["required"] and parameter["name"] != but
    )


def examples(schema: dict[str, Any]) -> tuple[list[object], list[object]]:
    """Values that a parameter takes, and values that it refuses, as its schema says."""
    taken = [schema["default"]] if "default" in schema else []
    if "enum" in schema:
        return [*taken, *schema["enum"]], ["", "absent", schema["enum"][0].upper()]
    if schema["type"] == "integer":
        least, most = schema["minimum"], schema["maximum"]
        return [*taken, least, most], ["", "x", least - 1, most + 1, f"{least}.0"]
    if schema.get("format") == "date-time":
        # Without a zone, nobody knows which moment is meant.
        return ["2026-01-31T12:00:00Z"], ["", "yesterday", "2026-01-31T12:00:00"]
    if "pattern" not in schema:
        return ["x" * schema["maxLength"], "%C3%A9"], ["", "x" * (schema["maxLength"] + 1), "%00"]
    alphabet = [character for character in map(chr, range(32, 127)) if re.fullmatch(schema["pattern"], character)]
    safe = alphabet[-2]
    if re.fullmatch(schema["pattern"], ""):
        return [*taken, safe * schema["maxLength"]], [safe * (schema["maxLength"] + 1), "%C3%A9", "%00"]
    # A cursor: no example of it can be made up.
    return taken, [safe * (schema["maxLength"] + 1), "", "%C3%A9"]


async def test_the_document_describes_a_digest_that_can_be_sent(client: Client, http_services: Services) -> None:
    schemas = (await ApiDocument.read(client)).content["components"]["schemas"]

    [example] = schemas["TagTarget"]["properties"]["digest"]["examples"]

    assert str(Digest.parse(example)) == example


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_document_is_only_read(client: Client, method: str) -> None:
    answer = await client.ask(method, DOCUMENT)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
