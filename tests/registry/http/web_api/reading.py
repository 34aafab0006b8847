"""Reading the web API's answers: whole lists, refusals, and cursors that no answer gave."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.registry.http.serving import Answer, Client


async def walk(client: Client, path: str, key: str, prefix: str = "") -> list[Any]:
    """All entries of a list, by the links from page to page."""
    entries: list[Any] = []
    while True:
        answer = await client.get(path)
        assert answer.status == 200, answer.body
        entries += answer.document[key]
        if "Link" not in answer.headers:
            assert answer.document["next_cursor"] is None
            assert answer.document.get("total", len(entries)) == len(entries)
            return entries
        target, _, relation = answer.headers["Link"].partition(">; ")
        assert relation == 'rel="next"'
        path = target.removeprefix(f"<{prefix}")
        assert answer.document["next_cursor"] in path


def refused_parameter(answer: Answer) -> tuple[str, str]:
    """The parameter that a problem document names, and what was expected of it."""
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json"), answer
    problem = answer.document
    detail = problem["errors"][0]["detail"]
    assert problem["title"] == "Bad Request"
    assert problem["detail"] == f"{detail['parameter']}: expected {detail['expected']}"
    return detail["parameter"], detail["expected"]


def made_up(content: object) -> str:
    """A cursor with this content, as if an answer had given it."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
