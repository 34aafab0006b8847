"""Looking at what a parser answers, value or refusal, as one result."""

from collections.abc import Callable
from typing import TypeVar

from oci_spec.errors import OciSpecError

Value = TypeVar("Value")


def attempt(parse: Callable[[str], Value], text: str) -> Value | OciSpecError:
    """What `parse` makes of the text: a value, or the room's error; any other error ends the test."""
    try:
        return parse(text)
    except OciSpecError as error:
        return error
