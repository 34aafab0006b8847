"""What is known of a container: what it is, how its last run went, and what runs now."""

from __future__ import annotations

from runner.containers import documents
from runner.containers.clock import NEVER
from runner.containers.errors import ContainerUnknown
from runner.containers.settings import Settings
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Place


class Container(Record):
    """What a container is; of all this only the name ever changes."""

    id: str
    name: str
    created: str
    layers: tuple[str, ...]
    """The chain IDs of the image's layers, the lowest first."""
    settings: Settings
    """With what the image says filled in."""
    foreground: bool = False
    """Whether it was made for somebody who waits for it: then its input ends with theirs."""
    by_run: bool = False
    """Whether it was made only to be started at once: with `remove`, it goes if that does not come about."""


class Outcome(Record):
    """How the last run began, and how it ended if it has."""

    started: str
    finished: str = NEVER
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    """Why it could not be started, or was ended."""


class Port(Record):
    """A port of the container's that the host passes on."""

    port: int
    protocol: str
    host_address: str
    host_port: int


class Running(Record):
    """What there is while it runs."""

    pid: int
    """The first process, as the host knows it."""
    tick: int
    """When that began, in the kernel's ticks since it booted: the number alone may be another process's later."""
    address: str | None = None
    prefix: int | None = None
    gateway: str | None = None
    mac: str | None = None
    link: str | None = None
    ports: tuple[Port, ...] = ()


def read(place: Place) -> Container:
    """What a container is.

    Raises:
        ContainerUnknown: it is gone.
        RecordInvalid: its file is damaged.
    """
    found = documents.read(place.description, Container)
    if found is None:
        raise ContainerUnknown(place.container)
    return found


def outcome(place: Place) -> Outcome | None:
    """How its last run went; None where it never ran."""
    return documents.read(place.outcome, Outcome)


def running(place: Place) -> Running | None:
    """What runs, or did when its monitor was killed."""
    return documents.read(place.process, Running)
