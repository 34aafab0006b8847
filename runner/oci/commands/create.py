"""`create`: make a container, but for its program."""

from __future__ import annotations

import os

from runner.oci import creation
from runner.oci.command import Command
from runner.oci.operands import one
from runner.oci.options import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

_FIRST_DESCRIPTOR = 3
_MOST_DESCRIPTORS = 1024

FLAGS = (
    Flag("bundle", "the directory with config.json; the current one without it", "DIRECTORY", short="b"),
    Flag("console-socket", "the socket that is sent the terminal", "SOCKET"),
    Flag("pid-file", "the file that the number of the first process is written to", "FILE"),
    Flag("preserve-fds", "how many descriptors behind stderr the program inherits", "NUMBER"),
    Flag("no-new-keyring", "leave the program the keys of whoever calls"),
    Flag("no-pivot", "refused: a root that is not pivoted can be left"),
)


def wish(given: Given, context: Context) -> creation.Wish:
    """What the flags of `create` and `run` ask for.

    Raises:
        UsageInvalid: they are none.
    """
    from runner.oci.errors import UsageInvalid

    if given.has("no-pivot"):
        raise UsageInvalid("--no-pivot: a root that is not pivoted can be left, so it is not built into this runtime")
    return creation.Wish(
        container=one(given.operands, "a container ID"),
        root=context.root,
        bundle=given.text("bundle") or ".",
        console_socket=given.text("console-socket"),
        pid_file=given.text("pid-file"),
        preserved=preserved(given),
        new_keyring=not given.has("no-new-keyring"),
    )


def preserved(given: Given) -> int:
    """What `--preserve-fds` asks for; to be called before this process has opened anything itself.

    Raises:
        UsageInvalid: it is no number, or the caller has not opened so many: the program would get the runtime's own.
    """
    from runner.oci.errors import UsageInvalid

    count = given.number("preserve-fds", _MOST_DESCRIPTORS)
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + count):
        try:
            os.fstat(descriptor)
        except OSError:
            raise UsageInvalid(f"--preserve-fds: descriptor {descriptor} is not open") from None
    return count


def _run(given: Given, context: Context) -> int:
    creation.create(wish(given, context), context.log)
    return 0


COMMAND = Command("make a container, but for its program", "<container>", FLAGS, _run)
