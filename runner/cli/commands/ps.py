"""runner ps: the containers that there are."""

from __future__ import annotations

import json

from runner.cli import containers
from runner.cli.container_filters import Filters, Listed, listed
from runner.cli.main import Places
from runner.cli.output import ago, clock_text, listing, span
from runner.cli.parsing import Arguments
from runner.cli.port_listing import ports_text
from runner.containers import finding, status
from runner.containers.folders import Folders
from runner.containers.settings import TMPFS
from runner.errors import RunnerError
from runner.store import index
from runner.store.folders import Store

_COLUMNS = {
    "ID": "CONTAINER ID",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "RunningFor": "CREATED",
    "Status": "STATUS",
    "Ports": "PORTS",
    "Names": "NAMES",
}
_SHORT = 12
_COMMAND = 20


def run(arguments: Arguments, places: Places) -> int:
    """List them, the newest first; the status to end with."""
    folders = containers.folders(places)
    store = Store(places.root)
    filters = Filters.parse(arguments.texts("filter"), folders, index.read(store))
    last = 1 if arguments.flag("latest") else arguments.number("last")
    every = arguments.flag("all") or last is not None or filters.names_states
    found = [each for each in _all(folders) if (every or each.word == status.RUNNING) and filters.take(each)]
    found.sort(key=lambda each: each.container.created, reverse=True)
    if last is not None and last >= 0:
        del found[last:]
    whole = arguments.flag("no-trunc")
    if arguments.flag("quiet"):
        print("".join(f"{_id(each, whole=whole)}\n" for each in found), end="")
        return 0
    rows = [_row(each, whole=whole) for each in found]
    print(listing(rows, _COLUMNS, arguments.text("format")), end="")
    return 0


def _all(folders: Folders) -> list[Listed]:
    found = []
    for place in finding.all_of(folders):
        try:
            found.append(listed(place))
        except RunnerError:
            # It has gone meanwhile.
            continue
    return found


def _id(each: Listed, *, whole: bool) -> str:
    return each.container.id if whole else each.container.id[:_SHORT]


def _row(each: Listed, *, whole: bool) -> dict[str, object]:
    settings = each.container.settings
    words = (*(settings.entrypoint or ()), *(settings.command or ()))
    command = " ".join((*words[:1], *(f"'{word}'" if " " in word else word for word in words[1:])))
    mounts = [mount.source for mount in settings.mounts if mount.kind != TMPFS]
    return {
        "Command": json.dumps(_cut(command, _COMMAND, whole=whole), ensure_ascii=False),
        "CreatedAt": clock_text(each.container.created),
        "ID": _id(each, whole=whole),
        "Image": settings.image,
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(settings.labels.items())),
        "LocalVolumes": str(sum(mount.kind == "volume" for mount in settings.mounts)),
        "Mounts": ",".join(mounts),
        "Names": each.container.name,
        "Networks": settings.network.mode,
        "Ports": "" if each.running is None else ports_text(each.running.ports, settings.network.own_ports),
        "RunningFor": ago(each.container.created),
        "Size": "N/A",
        "State": each.word,
        "Status": _status(each),
    }


def _cut(text: str, length: int, *, whole: bool) -> str:
    return text if whole or len(text) <= length else f"{text[: length - 1]}…"


def _status(each: Listed) -> str:
    if each.word == status.CREATED or each.outcome is None:
        return "Created"
    if each.word == status.RUNNING:
        return f"Up {span(each.outcome.started)}"
    if each.word == status.DEAD:
        return "Dead"
    return f"Exited ({each.outcome.exit_code}) {ago(each.outcome.finished)}"
