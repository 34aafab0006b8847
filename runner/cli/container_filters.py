"""`--filter` of the commands that list or remove containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from runner.cli.errors import Failed
from runner.cli.filters import moment
from runner.containers import finding, liveness, records
from runner.containers import status as statuses
from runner.containers.folders import Folders, Place
from runner.containers.records import Container, Outcome, Running
from runner.network.errors import PublicationInvalid
from runner.network.publications import parse_exposed
from runner.store import finding as images
from runner.store.errors import StoreError
from runner.store.index import Index

STATES = (statuses.CREATED, statuses.RUNNING, statuses.EXITED, statuses.DEAD)


class Listed(NamedTuple):
    """A container as it is found."""

    place: Place
    container: Container
    outcome: Outcome | None
    running: Running | None
    word: str


_Check = Callable[[Listed], bool]


def listed(place: Place) -> Listed:
    """What is to be told of it.

    Raises:
        ContainerUnknown: it has gone.
    """
    monitored = liveness.monitor_of(place) is not None
    outcome = records.outcome(place)
    word = statuses.told(outcome, monitored=monitored)
    running = records.running(place) if word == statuses.RUNNING else None
    return Listed(place, records.read(place), outcome, running, word)


class Filters(NamedTuple):
    """Which containers are meant: of each key one of the values must be true, and all of the keys."""

    checks: dict[str, list[_Check]]

    @classmethod
    def parse(cls, texts: Sequence[str], folders: Folders, index: Index, known: Sequence[str] | None = None) -> Filters:
        """The filters written as `key=value`.

        Raises:
            Failed: one of them makes no sense.
        """
        checks: dict[str, list[_Check]] = {}
        for text in texts:
            key, equals, value = text.partition("=")
            if key.endswith("!"):
                key = "label!"
            if not equals or key not in (known or _MAKERS):
                raise Failed(f"Error: invalid filter '{text}'")
            checks.setdefault(_group(key, text), []).append(_MAKERS[key](value, folders, index))
        return cls(checks)

    @property
    def names_states(self) -> bool:
        """Whether it is said which states are meant, so that not only running ones are."""
        return "status" in self.checks or "exited" in self.checks

    def take(self, each: Listed) -> bool:
        """Whether a container is meant."""
        return all(any(check(each) for check in checks) for checks in self.checks.values())


def _group(key: str, text: str) -> str:
    """The filters of one group are alternatives."""
    if key.startswith("label"):
        # Of labels all must be there.
        return text
    return "ports" if key in {"publish", "expose"} else key


def _id(value: str, _folders: Folders, _index: Index) -> _Check:
    found = _pattern("id", value).search
    return lambda each: bool(found(each.container.id))


def _name(value: str, _folders: Folders, _index: Index) -> _Check:
    found = _pattern("name", value).search
    # Docker's names begin with a slash, and may be asked for with it or without.
    return lambda each: bool(found(each.container.name) or found(f"/{each.container.name}"))


def _pattern(key: str, value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        raise Failed(f"Error: invalid filter '{key}={value}': {error}") from error


def _label(value: str, _folders: Folders, _index: Index) -> _Check:
    key, equals, wanted = value.partition("=")

    def check(each: Listed) -> bool:
        labels = each.container.settings.labels
        return key in labels and (not equals or labels[key] == wanted)

    return check


def _no_label(value: str, folders: Folders, index: Index) -> _Check:
    has = _label(value, folders, index)
    return lambda each: not has(each)


def _status(value: str, _folders: Folders, _index: Index) -> _Check:
    if value not in {*STATES, "paused", "restarting", "removing"}:
        raise Failed(f"Error: invalid filter 'status={value}'")
    return lambda each: each.word == value


def _exited(value: str, _folders: Folders, _index: Index) -> _Check:
    if not value.isdecimal():
        raise Failed(f"Error: invalid filter 'exited={value}'")
    return lambda each: (
        each.word == statuses.EXITED and each.outcome is not None and each.outcome.exit_code == int(value)
    )


def _ancestor(value: str, _folders: Folders, index: Index) -> _Check:
    try:
        found = images.find(index, value)
    except StoreError:
        return lambda each: each.container.settings.image == value
    return lambda each: each.container.settings.image_id == str(found.id)


def _before(value: str, folders: Folders, _index: Index) -> _Check:
    created = records.read(finding.find(folders, value)).created
    return lambda each: each.container.created < created


def _since(value: str, folders: Folders, _index: Index) -> _Check:
    created = records.read(finding.find(folders, value)).created
    return lambda each: each.container.created > created


def _volume(value: str, _folders: Folders, _index: Index) -> _Check:
    return lambda each: any(value in {mount.source, mount.destination} for mount in each.container.settings.mounts)


def _network(value: str, _folders: Folders, _index: Index) -> _Check:
    return lambda each: each.container.settings.network.mode == value


def _publish(value: str, _folders: Folders, _index: Index) -> _Check:
    wanted = _ports("publish", value)
    return lambda each: (
        each.running is not None and any(f"{port.host_port}/{port.protocol}" in wanted for port in each.running.ports)
    )


def _expose(value: str, _folders: Folders, _index: Index) -> _Check:
    wanted = _ports("expose", value)
    return lambda each: each.running is not None and not wanted.isdisjoint(each.container.settings.network.own_ports)


def _ports(key: str, value: str) -> frozenset[str]:
    try:
        return frozenset(parse_exposed(value))
    except PublicationInvalid as error:
        raise Failed(f"Error: invalid filter '{key}={value}': {error}") from error


def _health(value: str, _folders: Folders, _index: Index) -> _Check:
    if value not in {"none", "starting", "healthy", "unhealthy"}:
        raise Failed(f"Error: invalid filter 'health={value}'")
    # Nobody looks after anybody's health.
    return lambda _each: value == "none"


def _until(value: str, _folders: Folders, _index: Index) -> _Check:
    bound = moment(value, f"Error: invalid filter 'until={value}'").strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    return lambda each: each.container.created < bound


_MAKERS: dict[str, Callable[[str, Folders, Index], _Check]] = {
    "id": _id,
    "name": _name,
    "label": _label,
    "label!": _no_label,
    "status": _status,
    "exited": _exited,
    "ancestor": _ancestor,
    "before": _before,
    "since": _since,
    "volume": _volume,
    "network": _network,
    "publish": _publish,
    "expose": _expose,
    "health": _health,
    "until": _until,
}
