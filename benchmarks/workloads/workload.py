"""What every workload is: something to do with a server, and the unit in which that is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.content import Corpus
from benchmarks.generator import Generator
from benchmarks.measure import Work
from benchmarks.options import Options
from benchmarks.servers import Server


class Unit(StrEnum):
    """What a figure counts; the first two are better when they are more, the others when they are less."""

    REQUESTS = "requests/s"
    BYTES = "MB/s"
    SECONDS = "s"
    MEMORY = "MiB"


class Unsuitable(Exception):
    """A workload is not for this server; the message says why."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What workloads work with; `scratch` is a directory that goes away after the run."""

    generator: Generator
    corpus: Corpus
    options: Options
    scratch: Path


class Workload(ABC):
    """Something that servers are measured with, one after another, round after round."""

    name: str
    unit: Unit
    # Fewer rounds than others where a single one takes long.
    most_rounds: int = 100

    # Most workloads need nothing of this, so they are not abstract.
    def prepare(self, server: Server) -> None:  # noqa: B027
        """Make ready what the rounds need, and let the server do its work once.

        Raises:
            Unsuitable: the server must not be measured with this.
        """

    def ready_disk(self) -> float | None:
        """Before each round, for what writes: quiet the disk and tell how fast it is just now (bytes/s)."""
        return None

    @abstractmethod
    def run(self, server: Server) -> Work:
        """Do it, and tell what was done."""

    def tidy(self, server: Server) -> None:  # noqa: B027
        """Take away what a round left behind; called after each."""


def size_name(size: int) -> str:
    """A size in bytes as people write it: `1 KiB`, `100 MiB`."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"
