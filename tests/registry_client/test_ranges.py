import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_client.ranges import ByteRange, chunk, parse_content_range, parse_uploaded, resumption

naturals = st.integers(0, 2**63 - 1)


@given(naturals, naturals, st.booleans())
def test_a_part_is_read_as_servers_write_it(first: int, second: int, told: bool) -> None:
    start, last = sorted((first, second))
    total = last + 1 if told else None

    part = parse_content_range(f"bytes {start}-{last}/{'*' if total is None else total}")

    assert part == ByteRange(start, last + 1, total)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "bytes",
        "bytes 0-1",
        "bytes 2-1/9",
        "bytes 0-9/9",
        "0-1/9",
        "lines 0-1/9",
        "bytes 0-1/9,",
        "bytes -1/9",
    ],
)
def test_what_makes_no_sense_is_no_part(text: str | None) -> None:
    assert parse_content_range(text) is None


@given(st.integers(1, 2**62), st.sampled_from(["0-{}", " 0-{} ", "bytes=0-{}", "bytes 0-{}"]))
def test_what_an_upload_holds_is_one_more_than_its_last_byte(last: int, form: str) -> None:
    assert parse_uploaded(form.format(last)) == last + 1


def test_one_byte_and_none_are_told_alike_and_so_not_at_all() -> None:
    assert parse_uploaded("0-0") is None


@given(naturals, st.integers(1, 2**62))
def test_a_chunk_ends_where_the_next_begins(start: int, size: int) -> None:
    stop = start + size

    assert parse_uploaded(chunk(start, stop)) == (stop if stop > 1 else None)
    assert resumption(stop) == f"bytes={stop}-"


@given(st.text() | st.text("0123456789-/* bytes=", max_size=30))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    part, held = parse_content_range(text), parse_uploaded(text)

    assert part is None or 0 <= part.start < part.stop
    assert held is None or held > 1
