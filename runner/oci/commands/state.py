"""`state`: print what a container is doing."""

from __future__ import annotations

import sys

from runner.json_text import encode
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.operands import one
from runner.oci.status import state_for_hooks, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given


def _run(given: Given, context: Context) -> int:
    container = find(context.root, one(given.operands, "a container ID"))
    state = container.read_state()
    told = state_for_hooks(state, status(container, state))
    # What engines read besides the specification's fields.
    told |= {"rootfs": state.root, "created": state.created, "owner": ""}
    sys.stdout.write(encode(told) + "\n")
    return 0


COMMAND = Command("print what a container is doing, as JSON", "<container>", (), _run)
