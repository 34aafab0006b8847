from hypothesis import given
from hypothesis import strategies as st

from registry.metadata import search_grams

TEXTS = st.text("abAB12é-_/. ", max_size=30)


def test_a_word_has_its_beginnings_and_all_threes() -> None:
    assert search_grams.of_text("Team/web-1") == {"t", "te", "tea", "eam", "w", "we", "web", "1"}
    assert search_grams.of_text("-- /") == frozenset()


def test_a_term_has_what_must_be_found() -> None:
    assert search_grams.of_term("b-app") == {"app"}
    assert search_grams.of_term("W") == {"w"}
    assert search_grams.of_term("a-b") == {"b"}
    assert search_grams.of_term("/-") == frozenset()


@given(text=TEXTS, ends=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_what_stands_in_a_text_is_found_by_its_grams(text: str, ends: tuple[int, int]) -> None:
    term = text[min(ends) : max(ends)]

    found = search_grams.of_term(term) <= search_grams.of_text(text)

    assert found or search_grams.is_short(term)
