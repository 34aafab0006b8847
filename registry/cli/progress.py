"""How far a long command has come: a bar on a terminal, and nothing elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from registry.services.progress import Watcher, unwatched


@contextmanager
def live_progress() -> Iterator[Watcher]:
    """Show what the watcher is told on standard error while the block runs; nothing stays of it."""
    if not sys.stderr.isatty():
        yield unwatched
        return
    # Imported here: it takes longer to load than most commands take to run.
    from registry.cli.bars import live_bar

    with live_bar() as watcher:
        yield watcher
