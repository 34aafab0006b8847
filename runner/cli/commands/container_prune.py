"""runner container prune: containers that do not run."""

from __future__ import annotations

from runner.cli import containers
from runner.cli.asking import confirmed
from runner.cli.container_filters import Filters, listed
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.output import size_text
from runner.cli.parsing import Arguments
from runner.containers import ending, finding, status
from runner.containers.written import size
from runner.errors import RunnerError
from runner.store import index
from runner.store.folders import Store

_WARNING = "WARNING! This will remove all stopped containers."


def run(arguments: Arguments, places: Places) -> int:
    """Remove what may go; the status to end with."""
    folders = containers.folders(places)
    known = ("label", "label!", "until")
    filters = Filters.parse(arguments.texts("filter"), folders, index.read(Store(places.root)), known)
    if not arguments.flag("force") and not confirmed(_WARNING):
        raise Failed("operation canceled: container prune has been canceled")
    removed, freed = [], 0
    for place in finding.all_of(folders):
        try:
            each = listed(place)
            if each.word == status.RUNNING or not filters.take(each):
                continue
            freed_here = size(place)
            ending.discard(folders, place, force=False, with_volumes=False)
        except RunnerError:
            # It has been started, or removed, meanwhile.
            continue
        removed.append(place.container)
        freed += freed_here
    if removed:
        print("Deleted Containers:")
        print("".join(f"{container}\n" for container in removed))
    print(f"Total reclaimed space: {size_text(freed)}")
    return 0
