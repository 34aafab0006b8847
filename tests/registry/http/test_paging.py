import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import PageSizeInvalid
from registry.http.paging import next_link, page_size


@pytest.mark.parametrize(("text", "size"), [(None, None), ("0", 0), ("007", 7), ("1000", 1000)])
def test_a_page_size_is_a_whole_number(text: str | None, size: int | None) -> None:
    assert page_size(text) == size


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "x", "٣", " 1", "1e3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(PageSizeInvalid):
        page_size(text)


def test_a_size_of_very_many_digits_is_only_a_large_one() -> None:
    size = page_size("9" * 10_000)

    assert size is not None
    assert size >= 10**18


@given(st.text())
def test_no_text_makes_the_parser_fail_in_another_way(text: str) -> None:
    try:
        assert (page_size(text) or 0) >= 0
    except PageSizeInvalid:
        return


def test_a_link_escapes_what_a_query_cannot_hold() -> None:
    link = next_link("/v2/a/referrers/x", [("artifactType", "a/b+c"), ("last", ">;&")])

    assert link == '</v2/a/referrers/x?artifactType=a%2Fb%2Bc&last=%3E%3B%26>; rel="next"'
