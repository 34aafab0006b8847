import pytest

from runner.oci import errors
from runner.oci.errors import OciError

HOSTILE = "\x1b[2J\r\n\udcff\x00" + "e" * 100_000

EXAMPLES: list[OciError] = [
    errors.UsageInvalid(HOSTILE),
    errors.BundleInvalid(HOSTILE),
    errors.FeatureMissing(HOSTILE, HOSTILE),
    errors.ContainerIdInvalid(HOSTILE),
    errors.ContainerExists(HOSTILE),
    errors.ContainerUnknown(HOSTILE),
    errors.ContainerStateWrong(HOSTILE, "stopped", "start"),
    errors.CallFailed("mount", HOSTILE, OSError(1, "Operation not permitted")),
    errors.HookFailed("prestart", HOSTILE, HOSTILE),
    errors.ProgramNotFound(HOSTILE, OSError(2, "No such file or directory")),
    errors.SetupFailed(HOSTILE),
]


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert {type(error) for error in EXAMPLES} == set(OciError.__subclasses__())
    assert all(type(error).__name__ in str(errors.__doc__) for error in EXAMPLES)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_the_bundle_held(error: OciError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400
