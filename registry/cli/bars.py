"""The bar of a long command on a terminal; loaded only where there is one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from registry.cli import output
from registry.services.progress import Progress, Unit, Watcher


@contextmanager
def live_bar() -> Iterator[Watcher]:
    """Show one bar on standard error, of the stage that was told of last, until the block ends."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        _Amount(),
        _Rate(),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")))
    with Bars(*columns, console=console, transient=True) as bars:
        yield _Stages(bars).show


class _Stages:
    """One bar after the other: the rate of a stage says nothing about the next one's."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stage: str | None = None
        self._bar = bars.add_task("starting", total=None, unit=Unit.PIECES)

    def show(self, progress: Progress) -> None:
        """Show how far the stage has come."""
        if progress.stage != self._stage:
            self._bars.remove_task(self._bar)
            self._bar = self._bars.add_task(progress.stage, total=progress.total, unit=progress.unit)
            self._stage = progress.stage
        self._bars.update(self._bar, completed=progress.done, total=progress.total)


class _Amount(ProgressColumn):
    """Such as `1.2 GiB of 3.4 GiB`, or `17` where the total is not known."""

    def render(self, task: Task) -> Text:
        done, total = _told(task, task.completed), task.total
        return Text(done if total is None else f"{done} of {_told(task, total)}")


class _Rate(ProgressColumn):
    """Such as `120.0 MiB/s`."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{_told(task, task.speed)}/s")


def _told(task: Task, count: float) -> str:
    return output.size(int(count)) if task.fields["unit"] is Unit.BYTES else f"{count:.0f}"
