from hypothesis import given
from hypothesis import strategies as st

from registry.metadata.content_cache import ContentCache
from tests.registry.metadata.examples import digest

_MAX_BYTES = 100


def test_the_content_used_last_is_kept_longest() -> None:
    cache = ContentCache(3)
    for text in ("a", "b", "c"):
        cache.put(digest(text), text.encode())

    assert cache.get(digest("a")) == b"a"
    cache.put(digest("d"), b"d")

    assert cache.get(digest("b")) is None
    assert [cache.get(digest(text)) for text in "acd"] == [b"a", b"c", b"d"]


def test_content_larger_than_the_cache_drives_nothing_out() -> None:
    cache = ContentCache(3)
    cache.put(digest("a"), b"a")

    cache.put(digest("large"), b"large")

    assert cache.get(digest("large")) is None
    assert cache.get(digest("a")) == b"a"


@given(st.lists(st.integers(0, 130)))
def test_never_more_bytes_are_kept_than_allowed(sizes: list[int]) -> None:
    cache = ContentCache(_MAX_BYTES)

    for size in sizes:
        cache.put(digest(str(size)), bytes(size))
        kept = [cache.get(digest(str(each))) for each in set(sizes)]
        assert sum(len(content) for content in kept if content is not None) <= _MAX_BYTES
    if sizes and sizes[-1] <= _MAX_BYTES:
        assert cache.get(digest(str(sizes[-1]))) == bytes(sizes[-1])
