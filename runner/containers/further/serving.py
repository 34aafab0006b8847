"""Executing a further program for a client: in a process that the container's monitor has forked for nothing else.

It does what the runtime's `exec` does, by the same functions, and ends as that does. Like the monitor, it executes a
file that nobody can write to.
"""

from __future__ import annotations

import _socket
import errno
import os

from oci_spec.json_fields import FieldInvalid
from runner import descriptors, record_json
from runner.bundles import facts
from runner.containers import failures, protocol
from runner.containers.errors import SettingsInvalid
from runner.containers.further.processes import describe
from runner.containers.further.request import Request
from runner.containers.monitor.streams import Streams, become_standard
from runner.containers.runtimes import Told
from runner.errors import RunnerError, told
from runner.json_text import JsonInvalid, decode
from runner.oci import execution, protection
from runner.oci.containers import find
from runner.oci.errors import OciError
from runner.oci.kernel.files import close_all
from runner.oci.spec.config_parsing import parse_process_text
from runner.plain_signal import signal
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from runner.containers.folders import Folders
    from runner.containers.records import Container, Running

_CLIENT = 3
_STANDARD = 3
_FAILED = 1


class Served(Record):
    """The container in which clients want something executed."""

    folders: Folders
    container: Container
    running: Running
    heeded: tuple[int, ...]
    """The signals that its monitor heeds."""


def serve(end: _socket.socket, served: Served) -> NoReturn:
    """Do what the client at this end asks for, tell it the outcome, and end: this is a child of the monitor's."""
    try:
        client = _leave_monitor(end, served.heeded)
        try:
            client.send(_execute(client, served))
        except OciError as error:
            client.send(_refusal(error))
        except RunnerError as error:
            client.send(protocol.status_message(protocol.FAILED, _FAILED, f"Error: {error}"))
        except OSError as error:
            client.send(protocol.status_message(protocol.FAILED, _FAILED, f"Error: {told(error)}"))
    finally:
        os._exit(0)


def _leave_monitor(end: _socket.socket, heeded: Iterable[int]) -> _socket.socket:
    """Have nothing of the monitor's any more, but what it has loaded: nobody else shall take this one for it."""
    signal.set_wakeup_fd(-1)
    for number in heeded:
        signal.signal(number, signal.SIG_DFL)
    descriptor = end.detach()
    if descriptor != _CLIENT:
        os.dup2(descriptor, _CLIENT, inheritable=False)
    close_all(_CLIENT + 1)
    return _socket.socket(fileno=_CLIENT)


def _execute(client: _socket.socket, served: Served) -> bytes:
    """Execute what it asks for; the last message for it.

    Raises:
        RunnerError, OSError: it was not even tried.
    """
    protection.check()
    # What the host lacks was told when the container was started.
    log = Told(lambda _text: None)
    # Before anything is received: the client is still about to say what it wants.
    host, own = facts.look(), find(served.folders.runtime, served.container.id)
    config = own.read_config()
    target = execution.look(own, config, served.folders.runtime, log)
    request, streams = _receive(client)

    def warn(text: str) -> None:
        client.send(protocol.WARNING + text.encode("utf-8", "backslashreplace"))

    document = describe(served.container, served.running, request, host=host, warn=warn)
    wish = execution.ExecWish(
        process=execution.confined(parse_process_text(document), config.process),
        console_socket=request.console,
        pid_file=None,
        preserved=0,
        detach=request.detached,
    )
    become_standard(streams)
    for stream in streams:
        os.close(stream)
    descriptors.send(client, protocol.STARTED, [os.pidfd_open(os.getpid())])
    try:
        status = execution.execute(target, wish, log)
    except RunnerError as error:
        return _refusal(error)
    finally:
        # Whoever reads what the program wrote need not wait for the end of this process.
        Streams.let_go()
    return protocol.status_message(protocol.ENDED, status)


def _refusal(error: RunnerError) -> bytes:
    """What the runtime says, with docker's number for it."""
    return protocol.status_message(protocol.FAILED, failures.status_of(f"exec: {error}"), f"runner-oci: {error}")


def _receive(client: _socket.socket) -> tuple[Request, list[int]]:
    kind, sent = descriptors.receive(client, 1, 1 + _STANDARD)
    if kind != protocol.ORDER or len(sent) != 1 + _STANDARD:
        raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
    document, *streams = sent
    with os.fdopen(document, encoding="utf-8", errors="surrogateescape") as file:
        # Its writer has left it at its end.
        file.seek(0)
        try:
            return record_json.record(Request, decode(file.read())), streams
        except (FieldInvalid, JsonInvalid) as error:
            raise SettingsInvalid(str(error)) from error
