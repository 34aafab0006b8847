import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import limits
from registry.errors import RangeNotSatisfiable
from registry.http.ranges import ByteRange, parse_range

SIZE = 2048


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=500-1499", ByteRange(500, 1500)),
        ("bytes=500-", ByteRange(500, 2048)),
        ("bytes=-500", ByteRange(1548, 2048)),
        ("bytes=-5000", ByteRange(0, 2048)),
        ("bytes=2000-5000", ByteRange(2000, 2048)),
        ("bytes=0-99999999999999999999999999", ByteRange(0, 2048)),
        ("Bytes = 000-001", ByteRange(0, 2)),
        ("bytes=, 5-6 ,", ByteRange(5, 7)),
        ("bytes=5-6, 9000-", ByteRange(5, 7)),
    ],
)
def test_one_range_is_one_part_clipped_to_the_blob(header: str, part: ByteRange) -> None:
    assert parse_range(header, SIZE) == (part,)


def test_several_ranges_are_parts_in_the_order_that_was_asked_for() -> None:
    parts = parse_range("bytes=0-0,-1,5-6", SIZE)

    assert parts == (ByteRange(0, 1), ByteRange(2047, 2048), ByteRange(5, 7))


@pytest.mark.parametrize(
    "header", ["bytes=500-0", "bytes=2048-", "bytes=5000-10000", "bytes=-0", "bytes=9-8,3000-4000"]
)
def test_ranges_that_hold_no_byte_of_the_blob_are_not_satisfiable(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as raised:
        parse_range(header, SIZE)

    assert raised.value.headers == {"Content-Range": "bytes */2048"}


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1-2-3", "bytes=+1-2", "bytes=1-2,x",
     "lines=1-2", "bytes=١-٢", "bytes=0x1-2", "bytes 0-5"],
)  # fmt: skip
def test_what_is_no_byte_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, SIZE) == ()


def test_no_part_of_an_empty_blob_can_be_asked_for() -> None:
    assert parse_range("bytes=0-", 0) == ()
    assert parse_range("bytes=-5", 0) == ()


def test_overlapping_parts_that_add_up_to_more_than_the_blob_are_answered_with_the_whole() -> None:
    assert parse_range("bytes=0-2047,0-", SIZE) == ()


def test_more_parts_than_the_limit_are_answered_with_the_whole() -> None:
    parts = [f"{start}-{start}" for start in range(limits.BYTE_RANGES + 1)]

    assert parse_range("bytes=" + ",".join(parts), SIZE) == ()
    assert len(parse_range("bytes=" + ",".join(parts[:-1]), SIZE)) == limits.BYTE_RANGES


@given(header=st.text(), size=st.integers(0, 2**62))
def test_any_header_gives_parts_inside_the_blob_or_is_not_satisfiable(header: str, size: int) -> None:
    _check("bytes=" + header, size)


@given(
    specs=st.lists(st.from_regex(r"[0-9]{0,25}-[0-9]{0,25}", fullmatch=True), max_size=5), size=st.integers(0, 10**20)
)
def test_any_list_of_ranges_gives_parts_inside_the_blob_or_is_not_satisfiable(specs: list[str], size: int) -> None:
    _check("bytes=" + ",".join(specs), size)


@given(st.data())
def test_every_byte_range_is_read_back_from_its_text(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 2**62))
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))

    parts = parse_range(f"bytes={start}-{stop - 1}", size)

    assert parts == (ByteRange(start, stop),)
    assert parts[0].content_range(size) == f"bytes {start}-{stop - 1}/{size}"


def _check(header: str, size: int) -> None:
    try:
        parts = parse_range(header, size)
    except RangeNotSatisfiable:
        assert size > 0
        return
    assert all(0 <= part.start < part.stop <= size for part in parts)
    assert sum(part.size for part in parts) <= size
