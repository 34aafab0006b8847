from hypothesis import given
from hypothesis import strategies as st

from runner.bundles.paths import clean


@given(text=st.text("/.ab", max_size=12))
def test_a_cleaned_path_is_the_same_place_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(f"/{text}")

    assert cleaned.startswith("/")
    assert not {"", ".", ".."} & set(cleaned[1:].split("/")) or cleaned == "/"
    assert clean(cleaned) == cleaned
