import pytest

from runner.seccomp import errors
from runner.seccomp.errors import SeccompError

HOSTILE = "\x1b[2J\r\n\0" + "e" * 100_000

EXAMPLES: list[SeccompError] = [
    errors.SeccompProfileInvalid("seccomp.syscalls[0].op", "because"),
    errors.SeccompUnsupported(HOSTILE),
    errors.SeccompArchitectureUnsupported("mips"),
    errors.SeccompProgramTooLong(4097, 4096),
    errors.SeccompNotLoaded("because", OSError(22, "Invalid argument")),
]


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert {type(error) for error in EXAMPLES} == set(SeccompError.__subclasses__())
    assert all(error.__name__ in str(errors.__doc__) for error in SeccompError.__subclasses__())


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_was_read(error: SeccompError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400
