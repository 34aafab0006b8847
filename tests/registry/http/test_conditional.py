import pytest

from oci_spec.digest import Digest
from registry.http.conditional import allows_range, entity_tag, is_held

HELD = Digest.of(b"held")
OTHER = Digest.of(b"other")


@pytest.mark.parametrize("line", [f'"{HELD}"', str(HELD), f'W/"{HELD}"', "*", f'"x", {HELD} ,"y"'])
def test_a_client_that_names_the_digest_in_any_form_holds_the_content(line: str) -> None:
    assert is_held([line], HELD)


@pytest.mark.parametrize("line", ["", ",", '""', f'"{OTHER}"', f'"{HELD}x"', str(HELD).upper(), HELD.encoded])
def test_a_client_that_names_something_else_does_not(line: str) -> None:
    assert not is_held([line], HELD)


def test_tags_may_be_spread_over_several_lines() -> None:
    assert is_held([f'"{OTHER}"', entity_tag(HELD)], HELD)
    assert not is_held([], HELD)


def test_a_range_is_answered_only_of_the_content_that_if_range_names() -> None:
    assert allows_range(None, HELD)
    assert allows_range(entity_tag(HELD), HELD)
    assert not allows_range(entity_tag(OTHER), HELD)
    assert not allows_range(f'W/"{HELD}"', HELD)
    assert not allows_range("Mon, 23 Nov 2026 19:08:07 GMT", HELD)
