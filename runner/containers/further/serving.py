"""Executing a further program for a client: in a process that the container's monitor forks for nothing else.

It does what the children of the runtime's `exec` do, by the same functions, and the monitor waits for the program as
the runtime would. What is the same for every program is looked at once, before the first. Like the monitor, the process
executes a file that nobody can write to.
"""

from __future__ import annotations

import _socket
import errno
import gc
import os

from oci_spec.json_fields import FieldInvalid, JsonFields
from runner import descriptors, record_json
from runner.bundles import facts
from runner.containers import failures, protocol
from runner.containers.errors import SettingsInvalid
from runner.containers.further import request
from runner.containers.further.processes import describe
from runner.containers.further.request import Request
from runner.containers.monitor.streams import become_standard
from runner.containers.runtimes import Told
from runner.errors import RunnerError, told
from runner.json_text import JsonInvalid, decode
from runner.oci import children, dialogue, execution, joining, protection
from runner.oci.containers import find
from runner.oci.errors import ContainerStateWrong, OciError, SetupFailed
from runner.oci.kernel.files import close_others
from runner.oci.spec.config_parsing import parse_process_fields
from runner.oci.status import PAUSED
from runner.plain_signal import signal
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

    from runner.bundles.facts import Facts
    from runner.cgroups.folders import Folder
    from runner.containers.folders import Folders
    from runner.containers.records import Container, Running
    from runner.oci.joining import Target
    from runner.oci.spec.values import Process

_STANDARD = 3
_FAILED = 1


class Served(Record):
    """The container in which clients want something executed."""

    folders: Folders
    container: Container
    running: Running
    heeded: tuple[int, ...]
    """The signals that its monitor heeds."""


class _Known(Record):
    """What is the same for all of its programs."""

    host: Facts
    own: Process
    target: Target


class Server:
    """Has clients served, each by a process of its own."""

    __slots__ = ("_known", "_served")

    def __init__(self, served: Served) -> None:
        self._served = served
        self._known: _Known | None = None

    def begin(self, client: _socket.socket) -> _socket.socket:
        """Fork a process for a client; an end of a channel to it, on which it says what `request` has.

        Raises:
            RunnerError, OSError: nothing was begun.
        """
        known = self._look()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        # The kernel tells by whom something is said: the number of the program's process, as it is here.
        ours.setsockopt(_socket.SOL_SOCKET, _socket.SO_PASSCRED, 1)
        child, born_in = children.fork(known.target.cgroup)
        if child == 0:
            _serve(_Caller(client, theirs), self._served, known, born_in)
        theirs.close()
        return ours

    def _look(self) -> _Known:
        """What is known; that the container runs its monitor sees, but not whether it stands still."""
        known = self._known
        if known is None:
            known = self._known = _look(self._served)
        elif known.target.cgroup.is_frozen():
            # What is born there would stand, too.
            raise ContainerStateWrong(self._served.container.id, PAUSED, "exec in")
        return known


class _Caller:
    """What the children of `joining` speak to: the client, and the monitor, which has nothing to answer."""

    __slots__ = ("_client", "_monitor", "is_let_go")

    def __init__(self, client: _socket.socket, monitor: _socket.socket) -> None:
        self._client = client
        self._monitor = monitor
        self.is_let_go = False
        """Whether nobody waits for the program's end."""

    def descriptors(self) -> tuple[int, int]:
        """Those of both."""
        return self._client.fileno(), self._monitor.fileno()

    def receive(self) -> tuple[Request, list[int]]:
        """What the client asks for, and the program's standard streams.

        Raises:
            SettingsInvalid, OSError: nothing that can be understood.
        """
        kind, sent = descriptors.receive(self._client, 1, 1 + _STANDARD)
        if kind != protocol.ORDER or len(sent) != 1 + _STANDARD:
            raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
        document, *streams = sent
        try:
            return record_json.record(Request, decode(_text(document))), streams
        except (FieldInvalid, JsonInvalid) as error:
            raise SettingsInvalid(str(error)) from error
        finally:
            os.close(document)

    def refuse(self, error: RunnerError | OSError) -> None:
        """Tell the client why nothing is executed."""
        self._tell(refusal(error))

    def send(self, kind: str, text: str = "") -> None:
        """Tell the client what was left out, or has gone wrong."""
        if kind == dialogue.WARNING:
            self._tell(protocol.WARNING + text.encode("utf-8", "backslashreplace"))
        elif kind == dialogue.ERROR:
            self._tell(_refusal(text))

    def wait_for_go(self) -> None:
        """Let the monitor know this process: what it has to tell it before it may end."""
        self._monitor.send(request.LET_GO if self.is_let_go else request.WAITED_FOR)

    def ask(self, _kind: str, _text: str = "") -> None:
        """Let the client know it, which passes signals on."""
        own = os.pidfd_open(os.getpid())
        try:
            descriptors.send(self._client, protocol.STARTED, [own])
        except OSError as error:
            raise SetupFailed("the client has gone") from error
        finally:
            os.close(own)

    def leave_to_end(self) -> None:
        """The channel to the monitor closes by itself."""

    def _tell(self, message: bytes) -> None:
        try:
            self._client.send(message)
        except OSError as error:
            raise SetupFailed("the client has gone") from error


def _text(document: int) -> str:
    # Its writer has left it at its end.
    return os.pread(document, os.fstat(document).st_size, 0).decode("utf-8", "surrogateescape")


def refusal(error: RunnerError | OSError) -> bytes:
    """What a client is told when something cannot be executed."""
    if isinstance(error, OciError):
        return _refusal(str(error))
    text = str(error) if isinstance(error, RunnerError) else told(error)
    return protocol.status_message(protocol.FAILED, failures.CANNOT_EXECUTE, f"Error: {text}")


def _refusal(text: str) -> bytes:
    """What the runtime says, with docker's number for it."""
    return protocol.status_message(protocol.FAILED, failures.of_further(text), f"runner-oci: {text}")


def _look(served: Served) -> _Known:
    protection.check()
    # What the host lacks was told when the container was started.
    log = Told(lambda _text: None)
    own = find(served.folders.runtime, served.container.id)
    config = own.read_config()
    return _Known(facts.look(), config.process, execution.look(own, config, served.folders.runtime, log))


def _serve(caller: _Caller, served: Served, known: _Known, born_in: Folder | None) -> NoReturn:
    """Do what a client asks for: this is a child of the monitor's."""
    try:
        # It ends before there is anything worth looking for.
        gc.disable()
        _leave_monitor(caller, served.heeded, known.target)
        children.run(caller, lambda: _execute(caller, served, known, born_in))
    finally:
        os._exit(_FAILED)


def _leave_monitor(caller: _Caller, heeded: Iterable[int], target: Target) -> None:
    """Have nothing of the monitor's any more, but what it has loaded: nobody else shall take this one for it."""
    signal.set_wakeup_fd(-1)
    for number in heeded:
        signal.signal(number, signal.SIG_DFL)
    kept = [*caller.descriptors(), target.init, *(() if target.root is None else (target.root,))]
    close_others(_STANDARD, kept)


def _execute(caller: _Caller, served: Served, known: _Known, born_in: Folder | None) -> None:
    # While the client is still about to say what it wants.
    joining.enter_cgroup(known.target, born_in)
    try:
        order = _order(caller, served, known)
    except (RunnerError, OSError) as error:
        caller.refuse(error)
    else:
        joining.enter(order, caller)


def _order(caller: _Caller, served: Served, known: _Known) -> joining.ExecOrder:
    """What is to be executed, with the program's standard streams as this process's.

    Raises:
        RunnerError, OSError: it cannot be.
    """
    wanted, streams = caller.receive()
    caller.is_let_go = wanted.detached
    document = describe(
        served.container,
        served.running,
        wanted,
        host=known.host,
        warn=lambda text: caller.send(dialogue.WARNING, text),
    )
    process = execution.confined(parse_process_fields(JsonFields(document)), known.own)
    order = execution.prepare(known.target, execution.ExecWish(process, wanted.console))
    become_standard(streams)
    for stream in streams:
        os.close(stream)
    return order
