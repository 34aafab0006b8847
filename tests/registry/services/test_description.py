"""Descriptions: which text can be one, and what lists tell of it."""

from __future__ import annotations

import pytest

from registry import limits
from registry.errors import DescriptionInvalid
from registry.services.description import Description, headline


@pytest.mark.parametrize("text", ["", "# An app\n\n\tcode\n", "ä" * (limits.DESCRIPTION_BYTES // 2), "\u202e"])
def test_text_is_taken_as_it_is(text: str) -> None:
    assert str(Description.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a" * (limits.DESCRIPTION_BYTES + 1), "20481 bytes"),
        ("ä" * (limits.DESCRIPTION_BYTES // 2 + 1), "20482 bytes"),
        ("a\0b", "U+0000"),
        ("a\r\nb", "U+000D"),
        ("\x1b[31m", "U+001B"),
        ("\x7f", "U+007F"),
        ("\x9b", "U+009B"),
        ("\ud800", "no Unicode"),
    ],
)
def test_text_that_cannot_be_shown_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(DescriptionInvalid, match=reason.replace("+", r"\+")):
        Description.parse(text)


@pytest.mark.parametrize(
    ("opening", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("An app.\nMore.", "An app."),
        ("\n\n## An\t app \nMore.", "An app"),
        ("a" * 100, "a" * 100),
        ("a" * 101, "a" * 99 + "…"),
    ],
)
def test_a_list_tells_the_first_line(opening: str, line: str) -> None:
    assert headline(opening) == line
