"""runner logs: what a container has said."""

from __future__ import annotations

import os

from runner.cli import containers
from runner.cli.errors import Failed
from runner.cli.filters import moment
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import finding, log_reading, records
from runner.containers.log_reading import Entry

_OUT, _ERR = 1, 2
_ALL = "all"


def run(arguments: Arguments, places: Places) -> int:
    """Print it, and what comes still if that is asked for; the status to end with."""
    place = finding.find(containers.folders(places), arguments.words[0])
    container = records.read(place)
    if container.settings.log.driver == "none":
        raise Failed("Error: configured logging driver does not support reading")
    since, until = _bound(arguments, "since"), _bound(arguments, "until")
    for entry in log_reading.entries(place, tail=_tail(arguments.text("tail")), follow=arguments.flag("follow")):
        if since is not None and entry.time < since:
            continue
        if until is not None and entry.time > until:
            break
        _print(entry, arguments)
    return 0


def _print(entry: Entry, arguments: Arguments) -> None:
    before = f"{entry.time} " if arguments.flag("timestamps") else ""
    content = f"{before}{entry.text}".encode("utf-8", "surrogateescape")
    view = memoryview(content)
    while view:
        view = view[os.write(_ERR if entry.stream == "stderr" else _OUT, view) :]


def _tail(text: str | None) -> int | None:
    """How many lines; what makes no sense stands for all, as with docker."""
    if text is None or text == _ALL or not text.isdecimal():
        return None
    return int(text)


def _bound(arguments: Arguments, name: str) -> str | None:
    """A time in the form of the log's, whose texts are in their times' order."""
    text = arguments.text(name)
    if text is None:
        return None
    return moment(text, f"invalid value for {name!r}: {text!r}").strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
