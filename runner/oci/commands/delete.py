"""`delete`: forget a container that has ended."""

from __future__ import annotations

from runner.oci import lifecycle
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.errors import ContainerUnknown
from runner.oci.operands import one
from runner.oci.options import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (Flag("force", "end it first if it has not; one that is not there is no matter", short="f"),)


def _run(given: Given, context: Context) -> int:
    force = given.has("force")
    try:
        container = find(context.root, one(given.operands, "a container ID"))
        lifecycle.delete(container, context.log, force=force)
    except ContainerUnknown:
        if not force:
            raise
    return 0


COMMAND = Command("forget a container that has ended, and remove what is left of it", "<container>", FLAGS, _run)
