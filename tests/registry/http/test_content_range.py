import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ParameterInvalid
from registry.http.content_range import ContentRange, parse_content_range


@pytest.mark.parametrize("header", ["0-1023", "bytes 0-1023", "bytes 0-1023/4096", "bytes=0-1023/*", " 0-1023 "])
def test_a_chunk_is_read_with_and_without_the_unit_and_the_total(header: str) -> None:
    assert parse_content_range(header) == ContentRange(0, 1024)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "-",
        "5",
        "5-",
        "-5",
        "5-4",
        "a-b",
        "0-1023x",
        "+0-5",
        "0--1",
        "bytes */5",
        "١-٢",
        "0-" + "9" * 5000,
        "0-1\n2",
    ],
)
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(ParameterInvalid):
        parse_content_range(header)


@given(start=st.integers(0, 10**17), size=st.integers(1, 10**17))
def test_every_chunk_is_read_back_from_its_text(start: int, size: int) -> None:
    assert parse_content_range(f"{start}-{start + size - 1}") == ContentRange(start, size)


@given(st.text())
def test_no_text_makes_the_parser_fail_in_another_way(header: str) -> None:
    try:
        chunk = parse_content_range(header)
    except ParameterInvalid:
        return
    assert chunk.start >= 0
    assert chunk.size > 0
