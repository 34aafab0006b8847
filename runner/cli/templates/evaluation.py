"""Writing a template with values: those of one row, or of one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.cli.templates.functions import FUNCTIONS, is_true, text_of
from runner.cli.templates.parsing import Block, Call, Literal, Node, Operand, Path, TemplateInvalid, Text

_Variables = Mapping[str, Any]


def render(nodes: Sequence[Node], data: Any) -> str:
    """The template's text for `data`, which is made of what JSON knows.

    Raises:
        TemplateInvalid: it asks for a field that there is not, or calls a function as it cannot be.
    """
    return "".join(_written(nodes, data, {"$": data}))


def _written(nodes: Sequence[Node], dot: Any, variables: _Variables) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, Text):
            yield node.text
        elif isinstance(node, Block):
            yield from _block(node, dot, variables)
        else:
            value = _value(node.value, dot, variables)
            if node.variable is None:
                yield text_of(value)
            else:
                variables = {**variables, node.variable: value}


def _block(block: Block, dot: Any, variables: _Variables) -> Iterable[str]:
    value = _value(block.value, dot, variables)
    if block.kind == "range" and is_true(value):
        for key, each in _elements(value):
            yield from _written(block.body, each, {**variables, **_named(block.variables, key, each)})
    elif is_true(value):
        named = dict.fromkeys(block.variables, value)
        yield from _written(block.body, value if block.kind == "with" else dot, {**variables, **named})
    else:
        yield from _written(block.otherwise, dot, variables)


def _elements(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    raise TemplateInvalid(f"template: range can't iterate over {text_of(value)}")


def _named(variables: tuple[str, ...], key: Any, value: Any) -> dict[str, Any]:
    return dict(zip(variables, (value,) if len(variables) == 1 else (key, value), strict=False))


def _value(operand: Operand, dot: Any, variables: _Variables) -> Any:
    if isinstance(operand, Literal):
        return operand.value
    if isinstance(operand, Path):
        return _field(operand, dot, variables)
    if isinstance(operand, Call):
        return _called(operand, (), dot, variables)
    first, *others = operand.stages
    value = _value(first, dot, variables)
    for stage in others:
        if not isinstance(stage, Call):
            raise TemplateInvalid("template: a value can be given to a function only")
        value = _called(stage, (value,), dot, variables)
    return value


def _called(call: Call, last: tuple[Any, ...], dot: Any, variables: _Variables) -> Any:
    function = FUNCTIONS.get(call.function)
    if function is None:
        raise TemplateInvalid(f'template parsing error: function "{call.function}" not defined')
    arguments = [_value(argument, dot, variables) for argument in call.arguments]
    try:
        return function(*arguments, *last)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise TemplateInvalid(f"template: error calling {call.function}: {error}") from error


def _field(path: Path, dot: Any, variables: _Variables) -> Any:
    if path.variable is not None and path.variable not in variables:
        raise TemplateInvalid(f'template parsing error: undefined variable "{path.variable}"')
    value = dot if path.variable is None else variables[path.variable]
    for name in path.fields:
        if not isinstance(value, Mapping) or name not in value:
            raise TemplateInvalid(f'template: map has no entry for key "{name}"')
        value = value[name]
    return value
