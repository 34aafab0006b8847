"""`kill`: send a signal to a container."""

from __future__ import annotations

from runner.oci import lifecycle, signals
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.operands import one_and_optional
from runner.oci.options import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (Flag("all", "send it to all processes of the container, also when the first has ended", short="a"),)


def _run(given: Given, context: Context) -> int:
    name, text = one_and_optional(given.operands, "a container ID and a signal", "TERM")
    number = signals.parse(text)
    container = find(context.root, name)
    if given.has("all"):
        lifecycle.send_signal_to_all(container, number)
    else:
        lifecycle.send_signal(container, number)
    return 0


COMMAND = Command("send a signal to a container's first process", "<container> [signal]", FLAGS, _run)
