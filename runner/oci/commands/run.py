"""`run`: make a container, have it execute its program, and wait for its end."""

from __future__ import annotations

from runner.oci import creation, lifecycle, waiting
from runner.oci.command import Command
from runner.oci.commands import create
from runner.oci.options import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (
    *create.FLAGS,
    Flag("detach", "come back as soon as the program is executed", short="d"),
    Flag("keep", "do not delete the container when it has ended"),
)


def _run(given: Given, context: Context) -> int:
    made = creation.create(create.wish(given, context), context.log)
    waiting.pass_signals_on(made.state.pid)
    try:
        lifecycle.start_made(made, context.log)
    except BaseException:
        lifecycle.delete(made.container, context.log, force=True)
        raise
    if given.has("detach"):
        return 0
    status = waiting.until_end(made.state.pid)
    if not given.has("keep"):
        lifecycle.delete(made.container, context.log, force=True)
    return status


COMMAND = Command("make a container, execute its program, and wait for its end", "<container>", FLAGS, _run)
