"""A container in the foreground: its streams are this process's, and its end is this command's."""

from __future__ import annotations

import _socket
import os
import sys

from runner.cli.errors import Failed
from runner.containers import detaching, records, signalling, sweeping
from runner.containers.attaching import Attachment, Detached
from runner.containers.errors import MonitorLost
from runner.containers.folders import Folders, Place
from runner.containers.raw_terminal import RawTerminal
from runner.containers.records import Container

_LOST = 137


class Wanted:
    """What of this process's is the container's: its input, and signals to it."""

    def __init__(self, *, has_input: bool, keys: str | None, passes_signals: bool) -> None:
        """Take note.

        Raises:
            DetachKeysInvalid: there are no such keys.
        """
        self.has_input = has_input
        self.keys = detaching.parse(keys or detaching.DEFAULT)
        self.passes_signals = passes_signals


def check_terminal(container_has_terminal: bool, *, has_input: bool) -> None:
    """Refuse a terminal for the container whose input would come from somewhere else.

    Raises:
        Failed: it would.
    """
    if container_has_terminal and has_input and not os.isatty(0):
        raise Failed("the input device is not a TTY")


def follow(folders: Folders, place: Place, container: Container, *, end: _socket.socket, wanted: Wanted) -> int:
    """Stay until the container ends, or the user leaves it; the status to end with."""
    running = records.running(place)
    is_raw = container.settings.terminal and wanted.has_input

    def signalled(number: int) -> None:
        if running is not None:
            signalling.send(running, number)

    attachment = Attachment(
        end,
        has_input=wanted.has_input and container.settings.stdin_open,
        keys=detaching.DetachKeys(wanted.keys) if is_raw else None,
        signalled=signalled if wanted.passes_signals else None,
    )
    try:
        if is_raw:
            with RawTerminal():
                status = attachment.run()
        else:
            status = attachment.run()
    except Detached:
        print("read escape sequence", file=sys.stderr)
        return 0
    if status is None:
        print(f"Error: {MonitorLost(place.container)}", file=sys.stderr)
        sweeping.sweep(folders)
        return _LOST
    return status
