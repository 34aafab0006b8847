"""The page about the API names every route and error, and its examples answer what it says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.auth.account_name import AccountName
from registry.auth.subject import OPERATOR
from registry.errors import MEANINGS
from registry.http import openid_login, token
from registry.http.application import TABLES
from registry.services import organisations
from registry.services.context import Services
from tests.registry.http.logging_in import ALICE, basic
from tests.registry.http.serving import Answer, Client
from tests.registry.pushing import Document, Pusher

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
SERVER = "http://localhost:5000"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_CURSOR = re.compile(r'(?<="next_cursor": ")[^"]+|(?<=cursor=)[\w-]+')
_SECRET = re.compile(r"mrg_[prf]_[\w-]+")
_NOT_COMPARED = re.compile(f"{_TIME.pattern}|{_CURSOR.pattern}|{_SECRET.pattern}")


def rows(columns: int) -> Iterator[list[str]]:
    """The rows of all tables of the page that have so many columns."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == columns and not line.startswith("|--"):
            yield cells


def code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_page_names_exactly_the_routes_there_are() -> None:
    # `/v2` is `/v2/` to clients whose proxy drops the slash, and so is the collection of uploads.
    routes = {
        (route.method, route.path)
        for table in (*TABLES, token.routes, openid_login.routes)
        for route in table
        if route.path.startswith(("/v1/", "/v2/", "/api/", "/.well-known/", "/token"))
        and f"{route.path}/" not in {each.path for each in table}
    }

    documented = {
        (method, path)
        for methods, paths, _ in rows(3)
        for method in code(methods)
        for path in code(paths)
        if method.isupper() and path.startswith("/")
    }

    # HEAD mirrors GET, which the page says once; a HEAD with a handler of its own is no other route.
    assert documented == {(method, path) for method, path in routes if method != "HEAD"}


def test_the_page_names_exactly_the_errors_there_are() -> None:
    known = {(str(meaning.code), str(meaning.status)) for meaning in MEANINGS.values()}

    documented = {
        (error, status.strip())
        for error_cell, statuses, _ in rows(3)
        for error in code(error_cell)
        if error.isupper() and "/" not in error
        for status in statuses.split(",")
        if status.strip().isdigit()
    }

    assert documented == known


async def test_the_examples_answer_what_the_page_says(client: Client, guarded: Client, http_services: Services) -> None:
    await fill(http_services)
    count = 0

    for command, shown in examples():
        told = await run(guarded if " -u " in command else client, command)
        assert comparable(told) == comparable(shown), f"$ {command}\n{told}"
        count += 1

    assert count > 10


def examples() -> Iterator[tuple[str, str]]:
    """Each curl command of the page and what it shows as its output."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = re.sub(r"\\\n\s*", "", part).partition("\n")
            if command.startswith("curl "):
                yield command, output.strip("\n")


def comparable(output: str) -> str:
    return _NOT_COMPARED.sub("…", output)


async def run(client: Client, command: str) -> str:
    """The output of a curl command, with what `jq` would make of it where it is piped there."""
    words = shlex.split(command)
    curl, jq = split(words) if "|" in words else (words, [])
    method, written, body, url, headers = "GET", "", None, "", {}
    arguments = iter(curl[1:])
    for word in arguments:
        if word == "-X":
            method = next(arguments)
        elif word == "-w":
            written = next(arguments)
        elif word == "--json":
            body = next(arguments)
        elif word == "-u":
            assert next(arguments) == f"{ALICE}:$PASSWORD"
            headers = basic(ALICE)
        elif word == "-o":
            assert next(arguments) == "/dev/null"
        elif word != "-s":
            url = word
    assert url.startswith(SERVER)
    answer = await client.ask(method, url.removeprefix(SERVER), data=body, headers=headers)
    return write_out(written, answer) if written else pretty(answer, jq)


def split(words: list[str]) -> tuple[list[str], list[str]]:
    at = words.index("|")
    assert words[at + 1] == "jq"
    return words[:at], words[at + 2 :]


def write_out(form: str, answer: Answer) -> str:
    """What curl writes for `-w`."""
    form = form.replace("%{http_code}", str(answer.status)).replace("\\n", "\n")
    return re.sub(r"%header\{(\w+)\}", lambda match: answer.headers.get(match[1], ""), form).strip("\n")


def pretty(answer: Answer, jq: list[str]) -> str:
    """The answer as `jq` prints it, or the part of it that a path such as `.manifests[0].history` selects."""
    part: Any = answer.document
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", "".join(jq)):
        part = part[name] if name else part[int(index)]
    return json.dumps(part, indent=2, ensure_ascii=False)


async def fill(services: Services) -> None:
    """What the page's examples find."""
    pusher = Pusher.to(services, "team/app")
    for version, tags in {"1.4.1": ["1.4.1", "stable"], "1.4.2": ["1.4.2"]}.items():
        children = [
            {
                **await pusher.image(config=config(version, architecture), layers=layers(version, architecture)),
                "platform": {"os": "linux", "architecture": architecture},
            }
            for architecture in ("amd64", "arm64")
        ]
        await pusher.index(*tags, manifests=children)
    await Pusher.to(services, "team/web").image("1")
    crew = AccountName("crew")
    await organisations.create(services, OPERATOR, crew)
    await organisations.set_member(services, OPERATOR, crew, AccountName(ALICE), is_owner=True)


def layers(version: str, architecture: str) -> list[bytes]:
    return [f"base {architecture}".encode().ljust(2_811_478), f"app {version} {architecture}".encode().ljust(104_112)]


def config(version: str, architecture: str) -> Document:
    steps = [
        {"created": "2026-11-20T09:29:58Z", "created_by": "ADD rootfs.tar.xz / # buildkit"},
        {"created": "2026-11-20T09:29:59Z", "created_by": "EXPOSE [8080/tcp]", "empty_layer": True},
        {"created": "2026-11-20T09:30:00Z", "created_by": "COPY app /bin/app # buildkit"},
    ]
    runs = {
        "Cmd": ["--port", "8080"],
        "Entrypoint": ["/bin/app"],
        "Env": ["PATH=/usr/bin:/bin"],
        "ExposedPorts": {"8080/tcp": {}},
        "Labels": {"org.opencontainers.image.version": version},
        "User": "app",
        "WorkingDir": "/srv",
    }
    return {
        "created": "2026-11-20T09:30:00Z",
        "os": "linux",
        "architecture": architecture,
        "config": runs,
        "history": steps,
    }
