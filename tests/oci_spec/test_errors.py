import pickle

import pytest

from oci_spec import errors
from oci_spec.error_codes import ErrorCode
from oci_spec.errors import OciSpecError

HOSTILE = "\x1b[2J\r\nSet-Cookie: a=b\ud800\x00" + "é" * 100_000

EXAMPLES: list[OciSpecError] = [
    errors.DigestInvalid(HOSTILE, "because"),
    errors.DigestUnsupported(HOSTILE, HOSTILE),
    errors.RepositoryNameInvalid(HOSTILE, "because"),
    errors.TagInvalid(HOSTILE, "because"),
    errors.ImageNameInvalid(HOSTILE, "because"),
    errors.PlatformInvalid(HOSTILE, "because"),
    errors.MediaTypeInvalid(HOSTILE),
    errors.ManifestInvalid("because"),
    errors.ManifestSchemaOneRefused(),
    errors.ImageConfigInvalid("because"),
    errors.ImageLayoutInvalid("index.json: it holds more than 2000000 values"),
]


def subclasses(of: type[OciSpecError]) -> set[type[OciSpecError]]:
    return {error for child in of.__subclasses__() for error in {child} | subclasses(child)}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert {type(error) for error in EXAMPLES} == subclasses(OciSpecError)
    assert all(error.__name__ in str(errors.__doc__) for error in subclasses(OciSpecError))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_the_text_was(error: OciSpecError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_carries_its_values_through_pickling(error: OciSpecError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)


def test_the_refusal_of_schema_1_says_what_to_do() -> None:
    message = str(errors.ManifestSchemaOneRefused())

    assert "schema 1" in message
    assert "Docker 1.10" in message
    assert "skopeo copy" in message


def test_the_specifications_error_codes_are_all_there() -> None:
    specified = [
        "BLOB_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "DIGEST_INVALID",
        "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "SIZE_INVALID",
        "UNAUTHORIZED",
        "DENIED",
        "UNSUPPORTED",
        "TOOMANYREQUESTS",
    ]
    habitual = ["RANGE_INVALID", "PAGINATION_NUMBER_INVALID", "UNAVAILABLE", "UNKNOWN"]

    assert [str(code) for code in ErrorCode] == specified + habitual
    assert all(code.name == code.value for code in ErrorCode)
