"""Every route, asked by everybody, in every repository: a table says what each must be answered (see `rules`)."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import registry.http
from registry.http.routing import RouteTable
from registry.services.context import Services
from tests.registry.http.authorization.callers import Secrets, fallen, living
from tests.registry.http.authorization.rules import (
    FOREIGN,
    MISSING,
    PRIVATE,
    REPOSITORIES,
    ROWS,
    Caller,
    Row,
    Scheme,
    expected,
    is_hidden,
)
from tests.registry.http.serving import Answer, Client, Connection

_CONNECTIONS = 4
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Question:
    """One request of the matrix, and what was answered."""

    row: Row
    caller: Caller
    repository: str

    def __str__(self) -> str:
        return f"{self.row.method} {self.row.path(self.repository)} by {self.caller.name}"


def tables() -> Iterator[RouteTable]:
    """All tables of routes there are, also of modules that are loaded only where they are needed."""
    for found in pkgutil.walk_packages(registry.http.__path__, "registry.http."):
        module = importlib.import_module(found.name)
        yield from {id(value): value for value in vars(module).values() if isinstance(value, RouteTable)}.values()


def test_every_route_has_a_rule() -> None:
    routes = {(route.method, route.path) for table in tables() for route in table}

    assert {(row.method, row.route) for row in ROWS} == routes


async def test_everybody_is_answered_as_the_rules_say(client: Client, services: Services, secrets: Secrets) -> None:
    found = await ask_all(client, questions(await living(client, secrets)))
    # Once they have been good: what was remembered of them must fall with them.
    found |= await ask_all(client, questions(await fallen(client, services, secrets)))

    wrong = [fault for question, answer in found.items() for fault in faults(question, answer)]
    wrong += differences(found)

    assert not wrong, f"{len(wrong)} of {len(found)}:\n" + "\n".join(wrong[:_SHOWN])


def questions(callers: Iterable[Caller]) -> list[Question]:
    return [
        Question(row, caller, repository)
        for caller in callers
        for row in ROWS
        for repository in (REPOSITORIES if row.is_of_repository else REPOSITORIES[:1])
    ]


def faults(question: Question, answer: Answer) -> Iterator[str]:
    """What is wrong with an answer: its status, or what it says about logging in."""
    row, caller, repository = question.row, question.caller, question.repository
    wanted = expected(row, caller, repository)
    if answer.status != wanted:
        yield f"{question}: {answer.status}, not {wanted}"
    elif answer.status == 401:
        challenge = answer.headers.get("WWW-Authenticate", "")
        if not challenge.startswith("Bearer " if row.is_distribution else "Basic "):
            yield f"{question}: is challenged by {challenge!r}"
        error = "" if caller.scheme is Scheme.NONE else "insufficient_scope"
        error = "invalid_token" if caller.is_dead else error
        if row.is_distribution and (f'error="{error}"' in challenge) is (not error):
            yield f"{question}: is told of the error {error!r} by {challenge!r}"


def differences(found: dict[Question, Answer]) -> Iterator[str]:
    """Where somebody can tell a repository that they may not see from one that is not there."""
    for question, answer in found.items():
        row, caller, repository = question.row, question.caller, question.repository
        missing = found.get(Question(row, caller, MISSING))
        if repository not in {PRIVATE, FOREIGN} or missing is None or caller.is_dead:
            continue
        hidden = is_hidden(row, caller, repository) and is_hidden(row, caller, MISSING)
        if hidden and signature(answer, repository) != signature(missing, MISSING):
            yield f"{question}: is not answered like one that is not there"


def signature(answer: Answer, repository: str) -> tuple[int, str, str]:
    """All of an answer that tells something, without the name of the repository."""
    challenge = answer.headers.get("WWW-Authenticate", "").replace(repository, "")
    return answer.status, challenge, answer.body.decode().replace(repository, "")


async def ask_all(client: Client, asked: list[Question]) -> dict[Question, Answer]:
    shares = [asked[number::_CONNECTIONS] for number in range(_CONNECTIONS)]
    answered = await asyncio.gather(*(ask_in_turn(client, share) for share in shares))
    return {question: answer for share in answered for question, answer in share}


async def ask_in_turn(client: Client, asked: list[Question]) -> list[tuple[Question, Answer]]:
    """The answers over one connection: a client that makes each request anew would take most of the time."""
    async with client.connection() as connection:
        return [(question, await ask(connection, question)) for question in asked]


async def ask(connection: Connection, question: Question) -> Answer:
    row, caller = question.row, question.caller
    head = [f"{row.method} {row.path(question.repository)} HTTP/1.1", "Host: registry.test"]
    if caller.authorization:
        head.append(f"Authorization: {caller.authorization}")
    if row.body or row.method not in {"GET", "HEAD", "DELETE"}:
        head.append(f"Content-Length: {len(row.body)}")
    await connection.send("\r\n".join([*head, "", ""]).encode(), row.body)
    if row.method == "HEAD":
        status, headers = await connection.head()
        return Answer(status, headers, b"")
    return await connection.answer()
