"""What a request of the web API asks for in its query and its body: all of it understood, or refused by name.

A query is a `Struct` whose fields are the parameters. The same type is what the API document shows of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct, ValidationError

from registry import limits
from registry.errors import ParameterInvalid, RequestInvalid
from registry.http.call import Call
from registry.http.request_body import read_whole

QueryT = TypeVar("QueryT", bound=Struct)
BodyT = TypeVar("BodyT", bound=Struct)

# More digits than any count has; int() of very many digits would take long, or refuse.
_DIGITS: Final = 18


class NoParameters(Struct, frozen=True):
    """The query of a route that takes no parameters."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a query: its name, its type, and the type as JSON Schema."""

    name: str
    type: Any
    schema: Mapping[str, Any]
    is_required: bool = False

    def read(self, text: str) -> object:
        """The value that a client wrote as `text`.

        Raises:
            ParameterInvalid: it is none of this parameter's values.
        """
        is_count = self.schema.get("type") == "integer"
        if is_count and not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            raise ParameterInvalid(self.name, self.expected)
        try:
            value: object = msgspec.convert(int(text) if is_count else text, self.type)
        except ValidationError:
            raise ParameterInvalid(self.name, self.expected) from None
        return value

    @property
    def expected(self) -> str:
        """What may be written, in words."""
        if "enum" in self.schema:
            return f"one of {', '.join(self.schema['enum'])}"
        if self.schema.get("type") == "integer":
            return f"a whole number from {self.schema['minimum']} to {self.schema['maximum']}"
        if self.schema.get("format") == "date-time":
            return "a time like 2026-01-31T12:00:00Z"
        if "pattern" not in self.schema:
            return f"{self.schema['minLength']} to {self.schema['maxLength']} characters"
        return f"at most {self.schema['maxLength']} printable ASCII characters"


@cache
def parameters(kind: type[Struct]) -> Mapping[str, Parameter]:
    """The parameters that are the fields of `kind`, by name."""
    (_, components) = msgspec.json.schema_components([kind], ref_template="{name}")
    properties: dict[str, dict[str, Any]] = components[kind.__name__]["properties"]
    return {
        field.name: Parameter(field.name, field.type, _plain(properties[field.name], components), field.required)
        for field in msgspec.structs.fields(kind)
    }


def read_query(call: Call, kind: type[QueryT]) -> QueryT:
    """The query of a request, as the `kind` whose fields are all that it may hold, each at most once.

    Raises:
        ParameterInvalid: a parameter is not known, given twice, missing, or has a value that it cannot have.
        RequestInvalid: there are more parameters than any request needs.
    """
    known = parameters(kind)
    given: dict[str, object] = {}
    for name, text in _pairs(call.request.rel_url.raw_query_string):
        if name not in known:
            raise ParameterInvalid(name, f"one of the parameters {', '.join(known)}" if known else "no parameters here")
        if name in given:
            raise ParameterInvalid(name, "one value, not several")
        given[name] = known[name].read(text)
    for name, parameter in known.items():
        if parameter.is_required and name not in given:
            raise ParameterInvalid(name, parameter.expected)
    return kind(**given)


async def read_body(call: Call, kind: type[BodyT]) -> BodyT:
    """The body of a request: a JSON object with the fields of `kind`.

    Raises:
        ParameterInvalid: it is something else.
        RequestInvalid: it is longer than any such object.
        BodyIncomplete: it ended early.
    """
    too_long = RequestInvalid(f"its body is longer than {limits.WEB_API_BODY_BYTES} bytes")
    content = await read_whole(call.body, limits.WEB_API_BODY_BYTES, too_long)
    try:
        return msgspec.json.decode(content, type=kind)
    except ValidationError as error:
        raise ParameterInvalid("body", f"a JSON object as the API document describes it: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ParameterInvalid("body", "a JSON object, in UTF-8") from None


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        # What is no UTF-8 becomes a character that no parameter takes.
        return parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=limits.WEB_API_PARAMETERS)
    except ValueError:
        raise RequestInvalid(f"it has more than {limits.WEB_API_PARAMETERS} parameters") from None


def _plain(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """`schema` by itself: without references, and without null, which a query cannot say."""
    plain = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf"}}
    plain |= next((choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"), {})
    if reference := schema.get("$ref") or plain.pop("$ref", None):
        plain = {"type": "string", "enum": components[reference]["enum"]} | plain
    if plain.get("default", ...) is None:
        del plain["default"]
    return plain
