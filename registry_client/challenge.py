"""Challenges: what an answer's `WWW-Authenticate` asks for (RFC 9110, "WWW-Authenticate" and "Auth Scheme").

The grammar is ambiguous: commas separate challenges and the parameters of one, and stand inside quoted scopes. What
registries send beside it is tolerated: values without quotation marks, empty elements, spaces around `=`. Whatever
cannot be read ends the reading of its field, and what stood before it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from registry_client import limits

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - a token of a grammar
# Possessive: a quoted value without an end takes all the rest, once, and does not match.
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*+"'
# What is sent without quotation marks and must have had them: a scope's colons and slashes, a realm's query.
_BARE = r'[^\s",\x00-\x1f\x7f]+'
_PARAMETER = re.compile(rf"(?P<name>{_TOKEN})[ \t]*=[ \t]*(?P<value>{_QUOTED}|{_BARE})")
_SCHEME = re.compile(rf"(?P<scheme>{_TOKEN})(?=[ \t,]|$)")
# Data in one piece, as Negotiate has it in place of parameters.
_TOKEN68 = re.compile(r"[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))")
_SEPARATORS = re.compile(r"[ \t,]*")
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme by which a request may be authorized, in lower case, and its parameters, by names in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        quoted = (f'{name}="{_escaped(value)}"' for name, value in self.parameters.items())
        return f"{self.scheme} {', '.join(quoted)}".rstrip()


def parse_challenges(fields: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of all `WWW-Authenticate` fields of an answer, in their order.

    A parameter that a challenge gives twice counts as it is given first. Nothing is raised: a field, or the rest of
    one, that is no challenge is left out.
    """
    found: list[Challenge] = []
    left = limits.CHALLENGE_CHARACTERS
    for text in fields:
        found.extend(_challenges(text[:left]))
        left -= min(left, len(text))
    return tuple(found[: limits.CHALLENGES])


def _challenges(text: str) -> Iterator[Challenge]:
    at = _skip(text, 0)
    while (scheme := _SCHEME.match(text, at)) is not None:
        challenge = Challenge(scheme["scheme"].lower())
        data = _TOKEN68.match(text, scheme.end())
        at = _skip(text, data.end() if data else scheme.end())
        while (match := _PARAMETER.match(text, at)) is not None:
            if len(challenge.parameters) < limits.CHALLENGE_PARAMETERS:
                challenge.parameters.setdefault(match["name"].lower(), _unquoted(match["value"]))
            at = _skip(text, match.end())
        yield challenge


def _skip(text: str, at: int) -> int:
    match = _SEPARATORS.match(text, at)
    assert match is not None
    return match.end()


def _unquoted(value: str) -> str:
    return _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
