"""How far a long command has come: a line on a terminal, and nothing elsewhere."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def live_line(first: str) -> Iterator[Callable[[str], None]]:
    """Show one line on standard error while the block runs, and give what replaces its text."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    # Imported here: it takes longer to load than most commands take to run.
    from rich.console import Console

    with Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR"))).status(first) as status:
        yield status.update
