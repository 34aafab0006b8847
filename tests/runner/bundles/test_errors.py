"""Errors about bundles: each is in the tree, and says itself in one printable line."""

import pytest

from runner.bundles import errors
from runner.errors import RunnerError

HOSTILE = "\x1b[2J\r\n\ud800\x00" + "é" * 100_000

EXAMPLES: list[errors.BundleError] = [
    errors.ImageUnusable(HOSTILE),
    errors.CommandMissing(HOSTILE),
    errors.UserUnknown(HOSTILE, "because"),
    errors.MountSourceMissing(HOSTILE),
    errors.DeviceUnusable(HOSTILE, "because"),
    errors.DeviceMissing(HOSTILE, "because"),
    errors.NamespaceUnreachable(HOSTILE, "because"),
    errors.SeccompUnusable("because"),
    errors.ProcessorsMissing("9", "0-1"),
    errors.InitMissing(),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_printable_line_whatever_it_is_about(error: errors.BundleError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 900


def test_the_tree_in_the_docstring_names_every_error() -> None:
    own = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]

    assert all(issubclass(each, RunnerError) and each.__name__ in str(errors.__doc__) for each in own)
    assert {type(error) for error in EXAMPLES} == {*own} - {errors.BundleError}
