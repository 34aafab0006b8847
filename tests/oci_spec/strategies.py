"""What property tests draw from: values of the specifications, texts that almost are, and JSON of every shape."""

from collections.abc import Iterator
from itertools import product

from hypothesis import strategies as st

from oci_spec.digest import ALGORITHMS, Digest


def digests() -> st.SearchStrategy[Digest]:
    """Digests of every supported algorithm."""
    return st.sampled_from(sorted(ALGORITHMS)).flatmap(
        lambda algorithm: st.binary(min_size=ALGORITHMS[algorithm], max_size=ALGORITHMS[algorithm]).map(
            lambda raw: Digest.from_raw(algorithm, raw)
        )
    )


def edited(texts: st.SearchStrategy[str], alphabet: str) -> st.SearchStrategy[str]:
    """Texts in which a few characters are replaced by, or preceded by, some of the alphabet."""

    def edit(text: str, edits: list[tuple[int, int, str]]) -> str:
        for position, removed, inserted in edits:
            start = position % (len(text) + 1)
            text = text[:start] + inserted + text[start + removed :]
        return text

    one_edit = st.tuples(st.integers(0, 300), st.integers(0, 2), st.text(alphabet, max_size=3))
    return st.builds(edit, texts, st.lists(one_edit, max_size=3))


def short_texts(alphabet: str, max_size: int) -> Iterator[str]:
    """Every text of at most so many characters of the alphabet: where a grammar's corners are, luck finds too few."""
    for size in range(max_size + 1):
        yield from map("".join, product(alphabet, repeat=size))


def json_values() -> st.SearchStrategy[object]:
    """Values of every kind of JSON, nested a few levels."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8)
        | st.sampled_from([0, 1, 2, -1, 2**63 - 1, 2**63, 10**400, "", "sha256:", "\x00", "a/b"])
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    )
