import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.json_text import JsonInvalid, decode, encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_read_by_json_and_the_reverse(value: object) -> None:
    assert json.loads(encode(value)) == value
    assert decode(json.dumps(value, indent=1)) == value


@pytest.mark.parametrize("text", ["", " ", "{", '{"a": NaN}', "[1,]", '"\n"', "1 2", "Infinity", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(JsonInvalid):
        decode(text)


def test_a_value_without_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})
