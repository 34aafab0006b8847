import pytest

from oci_spec.digest import Digest
from runner import errors
from runner.errors import RunnerError

HOSTILE = b"\x1b[2J\r\n\xff\x00" + b"e" * 100_000

TEXT = HOSTILE.decode("utf-8", "backslashreplace")

EXAMPLES: list[RunnerError] = [
    errors.CgroupPathInvalid(TEXT, "because"),
    errors.CgroupResourcesInvalid(TEXT),
    errors.CgroupControllerMissing("memory", "because"),
    errors.CgroupSettingUnsupported("memory.swappiness", "because"),
    errors.CgroupExists(TEXT),
    errors.CgroupFailed(TEXT, OSError(16, "Device or resource busy")),
    errors.LayerInvalid("because"),
    errors.LayerRefused(HOSTILE, "because"),
    errors.LayerTooLarge("entries", 3),
    errors.LayerDigestMismatch(Digest.of(b"a"), Digest.of(b"b")),
    errors.LayerCompressionUnsupported("zstd"),
    errors.LayerNotWritten(HOSTILE, OSError(28, "No space left on device")),
    errors.LayerNotRead(HOSTILE, OSError(5, "Input/output error")),
]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(2, "No such file or directory", "/a b"), "/a b: No such file or directory"),
        (OSError(2, "No such file or directory", b"/a\n\xff"), r"'/a\n\udcff': No such file or directory"),
        (OSError(9, "Bad file descriptor", 7), "Bad file descriptor"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (OSError(), "OSError"),
    ],
)
def test_the_systems_errors_are_told_in_words_and_without_numbers(error: OSError, message: str) -> None:
    assert errors.told(error) == message


def subclasses(of: type[RunnerError]) -> set[type[RunnerError]]:
    """Those of this module; rooms with an `errors` of their own have their own test."""
    children = {child for child in of.__subclasses__() if child.__module__ == errors.__name__}
    return {error for child in children for error in {child} | subclasses(child)}


def test_the_tree_in_the_docstring_names_every_error() -> None:
    groups = {errors.CgroupError, errors.LayerError, errors.LayerEntryRefused}
    assert {type(error) for error in EXAMPLES} | groups == subclasses(RunnerError)
    assert all(error.__name__ in str(errors.__doc__) for error in subclasses(RunnerError))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_the_layer_held(error: RunnerError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400
