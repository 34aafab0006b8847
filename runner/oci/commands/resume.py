"""`resume`: let the processes of a paused container go on."""

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
    lifecycle.resume(find(context.root, one(given.operands, "a container ID")))
    return 0


COMMAND = Command("let the processes of a paused container go on", "<container>", (), _run)
