"""Errors about layers: each is in the tree, and says itself in one printable line."""

import pytest

from oci_spec.digest import Digest
from runner.errors import RunnerError
from runner.layers import errors

HOSTILE = b"\x1b[2J\r\n\xff\x00" + b"e" * 100_000

EXAMPLES: list[errors.LayerError] = [
    errors.LayerInvalid("because"),
    errors.LayerRefused(HOSTILE, "because"),
    errors.LayerTooLarge("entries", 3),
    errors.LayerDigestMismatch(Digest.of(b"a"), Digest.of(b"b")),
    errors.LayerCompressionUnsupported("zstd"),
    errors.LayerNotWritten(HOSTILE, OSError(28, "No space left on device")),
    errors.LayerNotRead(HOSTILE, OSError(5, "Input/output error")),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_it_is_about(error: errors.LayerError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400


def test_the_tree_in_the_docstring_names_every_error() -> None:
    own = {each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__}

    assert all(issubclass(each, RunnerError) and each.__name__ in str(errors.__doc__) for each in own)
    assert {type(error) for error in EXAMPLES} == own - {errors.LayerError, errors.LayerEntryRefused}
