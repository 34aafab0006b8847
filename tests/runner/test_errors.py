import pytest

from runner import errors


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
