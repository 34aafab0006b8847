"""JSON in answers: objects, and typed values out of them."""

from __future__ import annotations

import json

from registry_client.errors import AnswerInvalid


def read_object(body: bytes) -> dict[str, object]:
    """The JSON object that a whole body is.

    Raises:
        AnswerInvalid: it is no JSON object.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerInvalid("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise AnswerInvalid("the answer is not a JSON object")
    return document


def read_texts(document: dict[str, object], name: str) -> list[str]:
    """An array of strings; null or missing, it is empty, as registries in Go send it.

    Raises:
        AnswerInvalid: the field is anything else.
    """
    values = document.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise AnswerInvalid(f"{name} is not an array of strings")
    return values
