"""Variables and labels: `-e`, `--env-file`, `-l`. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

import os

from oci_spec.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.creation.reading import Reading

_BLANKS = " \t"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LARGEST_FILE = 16 * 1024 * 1024


def read_variables(reading: Reading, own: Mapping[str, str] | None) -> tuple[str, ...]:
    """All variables of a command line: those of files first.

    Args:
        reading: of the command line.
        own: the environment that a name without a value has its value from; None for this process's.

    Raises:
        UsageError: one is none.
    """
    of_files = reading.values("env-file", lambda path: variables_of_file(path, own))
    given = reading.values("env", lambda text: variable(text, own))
    return tuple([each for file in of_files for each in file] + given)


def variable(text: str, own: Mapping[str, str] | None) -> str:
    """`NAME=value`; a name alone has the value that it has in this command's environment, as above.

    Without one the name stands alone, and takes the image's variable away.
    """
    name, equals, _ = text.partition("=")
    if not name:
        raise ValueError("a variable has no name")
    return text if equals else _with_value(name, own) or name


def variables_of_file(path: str, own: Mapping[str, str] | None) -> list[str]:
    """The variables of a file: each line is one, unless it is empty or a comment.

    Raises:
        ValueError: a line is none, or the file cannot be read.
    """
    found = []
    for number, line in enumerate(_lines(path), start=1):
        name, equals, value = line.partition("=")
        if not name:
            raise ValueError(f"no variable name on line {number}")
        if name.strip() != name or " " in name or "\t" in name:
            raise ValueError(f"variable {quoted(name)} contains whitespaces")
        if equals:
            found.append(f"{name}={value}")
        elif variable := _with_value(name, own):
            found.append(variable)
    return found


def label(text: str) -> tuple[str, str]:
    """`NAME=value`; a name alone has an empty value."""
    name, _, value = text.partition("=")
    if not name:
        raise ValueError("a label has no name")
    return name, value


def _with_value(name: str, own: Mapping[str, str] | None) -> str | None:
    # Asked for only now: a start does without, and so without much of `os`.
    value = (os.environ if own is None else own).get(name)
    return None if value is None else f"{name}={value}"


def _lines(path: str) -> list[str]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(error.strerror or "cannot be read") from error
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"the file is larger than {_LARGEST_FILE} bytes")
    lines = []
    for number, raw in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), start=1):
        try:
            line = raw.removesuffix(b"\r").decode().lstrip(_BLANKS)
        except UnicodeDecodeError as error:
            raise ValueError(f"invalid utf8 bytes at line {number}") from error
        if "\0" in line:
            raise ValueError(f"a null byte at line {number}")
        if line and not line.startswith("#"):
            lines.append(line)
    return lines
