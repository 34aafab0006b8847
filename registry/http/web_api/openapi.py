"""The API document: what the routes of the web API take and answer, in OpenAPI 3.1, made from the routes themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec import Struct

from registry.auth.permission import Permission
from registry.http.routing import Route
from registry.http.web_api import lines
from registry.http.web_api.operations import OPERATIONS, Operation
from registry.http.web_api.parameters import parameters
from registry.http.web_api.representations import Problem

Document = dict[str, Any]

VERSION: Final = "1.0"
"""The version of the web API; a field that is added does not change it."""

_SCHEMES: Final[dict[str, Document]] = {
    "basic": {"type": "http", "scheme": "basic", "description": "A name, and a password or a token in its place."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token."},
}
_CREDENTIALS: Final[list[Document]] = [{name: []} for name in _SCHEMES]
# What everybody may have who is let in at all; all else needs to be known who asks, where people log in.
_FOR_ANYBODY: Final = frozenset({Permission.CATALOG, Permission.PULL})

_COMPONENT = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_PARAMETERS: Final[dict[str, Document]] = {
    "name": {
        "description": "The repository's name. Its slashes may be written as they are; as `%2F` they also tell a "
        "repository whose name ends in `/tags` from a list of tags.",
        "example": "team/app",
    },
    "tag": {"description": "The tag.", "example": "1.0"},
    "account": {"description": "A person's name, or a robot's as `NAMESPACE+NAME`.", "example": "alice"},
    "id": {"description": "The number of the token, or of the workload.", "example": "17"},
    "pattern": {"description": "A tag, or a pattern of tags in which `*` stands for any text.", "example": "1.*"},
    "who": {
        "description": "A user, a robot as `NAMESPACE+NAME`, or a team as `@ORGANISATION%2FTEAM`.",
        "example": "alice",
    },
    "repositories": {
        "description": "A repository's name, or a pattern of names in which `*` stands for any text; slashes as `%2F`.",
        "example": "team/*",
    },
    "organisation": {"description": "An organisation's name.", "example": "team"},
    "team": {"description": "A team's name within its organisation.", "example": "builders"},
    "robot": {"description": "A robot's name.", "example": "team+ci"},
}


def document(routes: Iterable[Route], server: str) -> Document:
    """The document of `routes`, all of which are described; `server` is the URL that their paths are relative to."""
    routes = list(routes)
    operations = [OPERATIONS[route.handler] for route in routes]
    types = {kind for operation in operations for kind in (operation.body, operation.answer) if kind is not None}
    _, components = msgspec.json.schema_components(
        sorted({*types, Problem}, key=lambda kind: kind.__name__), ref_template=_COMPONENT
    )
    paths: dict[str, Document] = {}
    for route, operation in zip(routes, operations, strict=True):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Moorage web API", "version": VERSION, "summary": "Repositories, accounts, the audit log."},
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(map(_tag, routes))],
        "paths": paths,
        "components": {
            "schemas": {name: _readable(schema) for name, schema in sorted(components.items())},
            "securitySchemes": _SCHEMES,
        },
        "security": [*_CREDENTIALS, {}],
    }


def _operation(route: Route, operation: Operation) -> Document:
    described: Document = {
        "operationId": route.handler.__name__,
        "tags": [_tag(route)],
        "summary": operation.summary,
        "parameters": [*_in_path(route.path), *_in_query(operation.query)],
        "responses": {
            **_success(operation),
            "default": {"description": "Refused, or not possible now.", "content": _content(Problem, _PROBLEM)},
        },
    }
    if route.permission not in _FOR_ANYBODY:
        described["security"] = _CREDENTIALS
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body, _JSON)}
    return described


def _tag(route: Route) -> str:
    return route.label.removeprefix("api_")


def _in_path(path: str) -> list[Document]:
    return [
        {"name": name, "in": "path", "required": True, **_PATH_PARAMETERS[name], "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(path)
    ]


def _in_query(query: type[Struct]) -> list[Document]:
    described = []
    for parameter in parameters(query).values():
        schema = {key: value for key, value in parameter.schema.items() if key != "description"}
        text = parameter.schema["description"]
        described.append(
            {
                "name": parameter.name,
                "in": "query",
                "description": text,
                "required": parameter.is_required,
                "schema": schema,
            }
        )
    return described


def _success(operation: Operation) -> Document:
    answer = operation.answer
    if answer is None:
        return {str(HTTPStatus.NO_CONTENT.value): {"description": "Done."}}
    content = _content(answer, lines.MEDIA_TYPE if operation.is_lines else _JSON)
    described: Document = {"description": _text(answer.__doc__ or ""), "content": content}
    if "next_cursor" in answer.__struct_fields__:
        described["headers"] = _header("Link", 'With `rel="next"`, the next page; absent on the last one.')
    if operation.status is HTTPStatus.CREATED:
        described["headers"] = _header("Location", "Where what was made is shown.")
    return {str(operation.status.value): described}


def _header(name: str, description: str) -> Document:
    return {name: {"description": description, "schema": {"type": "string"}}}


def _content(kind: type[Struct], media_type: str) -> Document:
    return {media_type: {"schema": {"$ref": _COMPONENT.format(name=kind.__name__)}}}


def _readable(schema: Document) -> Document:
    return {**schema, "description": _text(schema["description"])} if "description" in schema else schema


def _text(docstring: str) -> str:
    """A docstring without the line breaks that its source needs."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(docstring))
