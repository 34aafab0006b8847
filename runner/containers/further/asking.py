"""A further program that the container's monitor is asked to execute, which has loaded all that this takes."""

from __future__ import annotations

import os
import sys

from runner import descriptors
from runner.containers import protocol
from runner.json_text import encode
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from runner.containers.folders import Place
    from runner.containers.further.request import Request

_ENDED_BY_KILL = 137
_LONGEST = 8192


class Asked:
    """What a process that the monitor forks does for this one."""

    def __init__(
        self,
        end: _socket.socket,
        place: Place,
        request: Request,
        *,
        warn: Callable[[str], None],
        meanwhile: Callable[[], None],
    ) -> None:
        """Nothing is asked for yet.

        Args:
            end: the connection to that process.
            place: the container's.
            request: what to ask for.
            warn: told what had to be left out.
            meanwhile: called once it has been asked for.
        """
        self._end = end
        self._place = place
        self._request = request
        self._warn = warn
        self._meanwhile = meanwhile
        self._process = -1
        self._failure = b""
        self.ended = end.fileno()
        """A descriptor that tells the program's end."""

    def begin(self, console: str | None = None) -> None:
        """Have it begun, with this process's streams, or a terminal whose socket this is.

        Raises:
            MonitorLost: it was killed.
        """
        # Where it has ended before, it has said why.
        with Suppressed(BrokenPipeError):
            self._send(self._request._replace(console=console))
        self._meanwhile()
        while True:
            message, sent = self._receive()
            kind = message[:1]
            if kind == protocol.WARNING:
                self._warn(message[1:].decode("utf-8", "replace"))
            elif kind == protocol.STARTED and sent:
                self._process = sent[0]
                return
            elif kind == protocol.FAILED:
                self._failure = message
                return
            else:
                from runner.containers.errors import MonitorLost

                raise MonitorLost(self._place.container)

    def send(self, number: int) -> None:
        """Send the program a signal."""
        if self._process >= 0:
            with Suppressed(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)

    def wait(self) -> int:
        """Its exit status, as shells tell it, or docker's number for why it was not executed."""
        message = self._failure or protocol.receive(self._end)
        if not message:
            return _ENDED_BY_KILL
        status, text = protocol.status_of(message)
        if message[:1] == protocol.FAILED:
            sys.stderr.write(f"{text}\n")
        return status

    def _receive(self) -> tuple[bytes, tuple[int, ...]]:
        try:
            return descriptors.receive(self._end, _LONGEST, 1)
        except ConnectionResetError:
            # It ended without having read what was asked for; what it said is still there.
            return descriptors.receive(self._end, _LONGEST, 1)

    def _send(self, request: Request) -> None:
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        # A file, for a command line may be longer than a message.
        document = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            text = encode({**request._asdict(), "program": request.program._asdict()})
            os.write(document, text.encode("utf-8", "surrogateescape"))
            streams = [standard if self._is_the_programs(standard) else nothing for standard in range(3)]
            descriptors.send(self._end, protocol.ORDER, [document, *streams])
        finally:
            os.close(document)
            os.close(nothing)

    def _is_the_programs(self, standard: int) -> bool:
        """Whether it gets a standard stream of this process. Errors of one that has a terminal are told there, too."""
        program, detached = self._request.program, self._request.detached
        if detached or (standard == 0 and not program.stdin_open) or (standard != 2 and program.terminal):
            return False
        with Suppressed(OSError):
            os.fstat(standard)
            return True
        return False
