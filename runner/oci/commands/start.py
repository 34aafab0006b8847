"""`start`: have a container execute its program."""

from __future__ import annotations

from runner.oci import lifecycle
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.operands import one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given


def _run(given: Given, context: Context) -> int:
    lifecycle.start(find(context.root, one(given.operands, "a container ID")), context.log)
    return 0


COMMAND = Command("have a container execute its program", "<container>", (), _run)
