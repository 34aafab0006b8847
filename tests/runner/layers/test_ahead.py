import gzip
import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.layers.ahead import ReadAhead
from runner.layers.errors import LayerInvalid
from runner.layers.stream import LayerStream


@given(st.binary(max_size=2000), st.integers(1, 3000))
def test_what_is_read_ahead_is_what_was_there(content: bytes, size: int) -> None:
    ahead = ReadAhead(io.BytesIO(content))

    assert b"".join(iter(lambda: ahead.read(size), b"")) == content
    assert ahead.read(size) == b""


def test_an_error_comes_where_the_bytes_are_missing() -> None:
    content = bytes(range(256)) * 10_000
    ahead = ReadAhead(LayerStream(io.BytesIO(gzip.compress(content)[:-20])))
    given = bytearray()

    with pytest.raises(LayerInvalid):
        given.extend(b"".join(iter(lambda: ahead.read(1000), b"")))

    assert ahead.read(1) == b""


def test_the_thread_ends_with_the_source() -> None:
    before = set(threading.enumerate())
    ahead = ReadAhead(io.BytesIO(bytes(10_000_000)))

    assert sum(map(len, iter(lambda: ahead.read(1 << 20), b""))) == 10_000_000
    for thread in set(threading.enumerate()) - before:
        thread.join(90)

    assert set(threading.enumerate()) <= before
