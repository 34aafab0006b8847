"""`run`: make a container, have it execute its program, and wait for its end."""

from __future__ import annotations

from runner.oci import creation, lifecycle, waiting
from runner.oci.command import Command
from runner.oci.commands import create
from runner.oci.containers import find
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
    state = creation.create(create.wish(given, context), context.log)
    container = find(context.root, state.container)
    waiting.pass_signals_on(state.pid)
    try:
        lifecycle.start(container, context.log)
    except BaseException:
        lifecycle.delete(container, context.log, force=True)
        raise
    if given.has("detach"):
        return 0
    status = waiting.until_end(state.pid)
    if not given.has("keep"):
        lifecycle.delete(container, context.log, force=True)
    return status


COMMAND = Command("make a container, execute its program, and wait for its end", "<container>", FLAGS, _run)
