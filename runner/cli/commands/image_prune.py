"""runner image prune: images that nobody names, or all, and what interrupted pulls left behind."""

from __future__ import annotations

from runner.cli.asking import confirmed
from runner.cli.errors import Failed
from runner.cli.filters import Filters
from runner.cli.image_users import users
from runner.cli.main import Places
from runner.cli.output import size_text
from runner.cli.parsing import Arguments
from runner.images.removal import prune
from runner.store.folders import Store
from runner.store.index import Image

_DANGLING = "WARNING! This will remove all dangling images."
_ALL = "WARNING! This will remove all images without at least one container associated to them."


def run(arguments: Arguments, places: Places) -> int:
    """Remove what may go; the status to end with."""
    store = Store(places.root)
    filters = Filters.parse(arguments.texts("filter"), store, known=("dangling", "label", "label!", "until"))
    every = arguments.flag("all") or filters.dangling is False
    if not arguments.flag("force") and not confirmed(_ALL if every else _DANGLING):
        raise Failed("operation canceled: image prune has been canceled")

    users_of = users(places)

    def may_go(image: Image) -> bool:
        if image.tags and not every:
            return False
        return filters.take(image, without_dangling=True) and not users_of(image.id)

    removed = prune(store, may_go)
    if removed.untagged or removed.images:
        print("Deleted Images:")
        for line in removed.lines():
            print(line[0].lower() + line[1:])
        print()
    print(f"Total reclaimed space: {size_text(removed.size)}")
    return 0
