"""Reading a template of docker's `--format`: the part of Go's text/template that people use.

Text, `{{ pipeline }}`, `{{if}} … {{else if}} … {{else}} … {{end}}`, `{{range}} … {{else}} … {{end}}`, `{{with}}`,
comments, variables (`$`, `$x := …`, `range $key, $value := …`) and `-` at an action's border, which takes the space
beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ACTION = re.compile(r"\{\{(- )?(.*?)( -)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<field>\$?[\w]*(?:\.[\w]+)+|\.)
      | (?P<variable>\$\w*)
      | (?P<name>\w+)
      | (?P<sign>:=|\||\(|\)|,|=)
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "r": "\r"}
_BLOCKS = ("if", "range", "with")
_DEPTH = 50


class TemplateInvalid(Exception):
    """The template cannot be read, or asks for what is not there; `str()` says why."""


class Literal(NamedTuple):
    """A value that stands in the template."""

    value: object


class Path(NamedTuple):
    """Fields of a variable ("$" is what the template was given), or of what is looked at (None)."""

    variable: str | None
    fields: tuple[str, ...]


class Call(NamedTuple):
    """A function with its arguments."""

    function: str
    arguments: tuple[Operand, ...]


class Pipeline(NamedTuple):
    """Calls of which each is given, as its last argument, what the one before it gave."""

    stages: tuple[Operand, ...]


Operand = Literal | Path | Call | Pipeline


class Text(NamedTuple):
    """What is written as it stands."""

    text: str


class Output(NamedTuple):
    """A value to be written, or only to be kept in a variable."""

    value: Operand
    variable: str | None


class Block(NamedTuple):
    """A part that is written for each element, or if its value says so; else the other one."""

    kind: str
    value: Operand
    variables: tuple[str, ...]
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


Node = Text | Output | Block


def parse(text: str) -> tuple[Node, ...]:
    """The template that is written as `text`.

    Raises:
        TemplateInvalid: it is none.
    """
    pieces = _pieces(text)
    nodes, ended_by = _nodes(pieces, 0)
    if ended_by is not None:
        raise TemplateInvalid(f"template parsing error: unexpected {{{{{ended_by}}}}}")
    return nodes


class _Pieces:
    def __init__(self, pieces: Sequence[tuple[bool, str]]) -> None:
        self._pieces = pieces
        self._at = 0

    def next(self) -> tuple[bool, str] | None:
        if self._at == len(self._pieces):
            return None
        self._at += 1
        return self._pieces[self._at - 1]


def _pieces(text: str) -> _Pieces:
    """Texts and actions (true) in their order."""
    pieces: list[tuple[bool, str]] = []
    at, trims = 0, False
    for action in _ACTION.finditer(text):
        before = text[at : action.start()]
        before = before.lstrip() if trims else before
        pieces += [(False, before.rstrip() if action[1] else before), (True, action[2].strip())]
        at, trims = action.end(), bool(action[3])
    rest = text[at:].lstrip() if trims else text[at:]
    if "{{" in rest:
        raise TemplateInvalid("template parsing error: unclosed action")
    return _Pieces([*pieces, (False, rest)])


def _nodes(pieces: _Pieces, depth: int) -> tuple[tuple[Node, ...], str | None]:
    """The nodes up to the action that ends them, and that action."""
    if depth > _DEPTH:
        raise TemplateInvalid("template parsing error: too many blocks in each other")
    nodes: list[Node] = []
    while (piece := pieces.next()) is not None:
        is_action, text = piece
        word = text.split(None, 1)[0] if is_action and text else ""
        if not is_action:
            nodes += [Text(text)] if text else []
        elif word in {"end", "else"}:
            return tuple(nodes), text
        elif word in _BLOCKS:
            nodes.append(_block(pieces, text, depth))
        elif not text.startswith("/*"):
            variables, value = _Tokens(text).statement()
            nodes.append(Output(value, variables[0] if variables else None))
    return tuple(nodes), None


def _block(pieces: _Pieces, text: str, depth: int) -> Block:
    kind, _, rest = text.partition(" ")
    variables, value = _Tokens(rest).statement()
    body, ended_by = _nodes(pieces, depth + 1)
    otherwise: tuple[Node, ...] = ()
    if ended_by is not None and ended_by.startswith("else"):
        following = ended_by.removeprefix("else").strip()
        if following:
            # `else if` is a block in the other part, and shares its end.
            otherwise, ended_by = (_block(pieces, following, depth + 1),), "end"
        else:
            otherwise, ended_by = _nodes(pieces, depth + 1)
    if ended_by != "end":
        raise TemplateInvalid(f"template parsing error: {{{{{kind}}}}} has no {{{{end}}}}")
    return Block(kind, value, variables, body, otherwise)


class _Tokens:
    """The tokens of one action."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise TemplateInvalid(f"template parsing error: unexpected {text[at:].strip()[:20]!r} in action")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._at = 0

    def statement(self) -> tuple[tuple[str, ...], Operand]:
        """The variables that are set, and the pipeline that gives their value."""
        variables: list[str] = []
        values = [value for _, value in self._tokens]
        if ":=" in values:
            variables = [value for kind, value in self._tokens[: values.index(":=")] if kind == "variable"]
            self._at = values.index(":=") + 1
        pipeline = self._pipeline()
        if self._at != len(self._tokens):
            raise TemplateInvalid(f"template parsing error: unexpected {self._tokens[self._at][1]!r}")
        return tuple(variables), pipeline

    def _pipeline(self) -> Operand:
        stages = [self._command()]
        while self._peek() == ("sign", "|"):
            self._at += 1
            stages.append(self._command())
        return stages[0] if len(stages) == 1 else Pipeline(tuple(stages))

    def _command(self) -> Operand:
        kind, value = self._peek()
        if kind != "name" or value in {"true", "false", "nil"}:
            return self._operand()
        self._at += 1
        arguments = []
        while self._peek()[0] not in {"", "sign"} or self._peek() == ("sign", "("):
            arguments.append(self._operand())
        return Call(value, tuple(arguments))

    def _operand(self) -> Operand:
        kind, value = self._peek()
        self._at += 1
        if kind == "text":
            return Literal(_unquoted(value))
        if kind == "number":
            return Literal(float(value) if "." in value else int(value))
        if kind == "variable":
            return Path(value, ())
        if kind == "field":
            variable, *fields = value.split(".")
            return Path(variable or None, tuple(filter(None, fields)))
        if kind == "name":
            constants: dict[str, object] = {"true": True, "false": False, "nil": None}
            return Literal(constants[value]) if value in constants else Call(value, ())
        if (kind, value) == ("sign", "("):
            inner = self._pipeline()
            if self._peek() != ("sign", ")"):
                raise TemplateInvalid("template parsing error: unclosed left paren")
            self._at += 1
            return inner
        raise TemplateInvalid(f"template parsing error: unexpected {value!r}" if value else "missing value for command")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])
