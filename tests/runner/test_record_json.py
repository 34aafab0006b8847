from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from oci_spec.json_fields import FieldInvalid
from runner import record_json
from runner.records import Record


class Part(Record):
    name: str
    size: int | None = None


class Whole(Record):
    part: Part
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] | None = None
    known: bool = False
    labels: Mapping[str, str] = {}


WHOLE = Whole(Part("a", 3), (Part("b"), Part("c", 0)), ("x", ""), known=True, labels={"k": "v"})


def test_a_record_becomes_json_and_the_same_record_again() -> None:
    text = json.dumps(record_json.document(WHOLE))

    assert record_json.record(Whole, json.loads(text)) == WHOLE


def test_fields_with_a_default_may_lack() -> None:
    assert record_json.record(Whole, {"part": {"name": "a"}}) == Whole(Part("a"))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "the document: expected an object"),
        ([], "the document: expected an object"),
        ({}, "needs part"),
        ({"part": None}, "part: expected an object"),
        ({"part": {}}, "part: Part needs name"),
        ({"part": {"name": None}}, "part.name: expected a value of kind str"),
        ({"part": {"name": "a", "size": True}}, "part.size: expected a value of kind int"),
        ({"part": {"name": "a", "size": 1.0}}, "part.size: expected a value of kind int"),
        ({"part": {"name": "a"}, "known": 1}, "known: expected a value of kind bool"),
        ({"part": {"name": "a"}, "known": None}, "known: expected a value of kind bool"),
        ({"part": {"name": "a"}, "parts": None}, "parts: expected an array"),
        ({"part": {"name": "a"}, "parts": [{"name": "b"}, {}]}, "parts[1]: Part needs name"),
        ({"part": {"name": "a"}, "words": "x"}, "words: expected an array"),
        ({"part": {"name": "a"}, "words": [1]}, "words[0]: expected a value of kind str"),
        ({"part": {"name": "a"}, "labels": {"k": 1}}, "labels: expected an object whose values are strings"),
        ({"part": {"name": "a"}, "more": 1}, "more: is not known"),
        ({"part": {"name": "a", "more": 1}}, "part.more: is not known"),
    ],
)
def test_what_is_not_as_it_is_typed_is_refused_with_its_place(document: object, reason: str) -> None:
    with pytest.raises(FieldInvalid) as caught:
        record_json.record(Whole, document)

    assert str(caught.value).endswith(reason)
