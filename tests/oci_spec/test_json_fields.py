import pytest

from oci_spec.json_fields import FieldInvalid, JsonFields


def test_an_array_of_integers_is_read_within_its_bounds() -> None:
    fields = JsonFields({"ids": [0, 7], "none": None})

    assert fields.integers("ids", 0, 7) == (0, 7)
    assert fields.integers("none", 0, 7) == fields.integers("absent", 0, 7) == ()


@pytest.mark.parametrize("value", [[8], [-1], [True], ["1"], [1.0], 3, {}])
def test_what_is_no_array_of_such_integers_is_refused(value: object) -> None:
    with pytest.raises(FieldInvalid, match="ids"):
        JsonFields({"ids": value}).integers("ids", 0, 7)


def test_a_whole_object_is_given_as_it_was_decoded() -> None:
    document: dict[str, object] = {"a": [1, {"b": None}]}

    assert JsonFields(document).values() == document
