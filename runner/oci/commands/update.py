"""`update`: change the limits of a container."""

from __future__ import annotations

import sys

from runner.cgroups import group, hierarchies
from runner.cgroups.resource_parsing import parse_resources
from runner.json_text import JsonInvalid, decode
from runner.oci.bundles import read_text
from runner.oci.command import Command
from runner.oci.containers import find
from runner.oci.errors import BundleInvalid, ContainerStateWrong, UsageInvalid
from runner.oci.operands import one
from runner.oci.options import Flag
from runner.oci.status import STOPPED, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (Flag("resources", "the file with linux.resources as JSON, - for stdin", "FILE", short="r"),)


def _run(given: Given, context: Context) -> int:
    container = find(context.root, one(given.operands, "a container ID"))
    path = given.text("resources")
    if path is None:
        raise UsageInvalid("expected --resources: single limits are not built into this command")
    try:
        document = decode(sys.stdin.read() if path == "-" else read_text(path))
    except JsonInvalid as error:
        raise BundleInvalid(str(error)) from error
    if not isinstance(document, dict):
        raise BundleInvalid("expected an object")
    # Engines send what they know of the devices, without the rules that stand around them: those stay as they are.
    resources = parse_resources(document)._replace(devices=())
    state = container.read_state()
    word = status(container, state)
    if word == STOPPED:
        raise ContainerStateWrong(state.container, word, "update")
    group.find(hierarchies.detect(), state.cgroup).limit(resources)
    return 0


COMMAND = Command("change the limits of a container", "<container>", FLAGS, _run)
