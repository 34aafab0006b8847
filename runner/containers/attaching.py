"""Being a container's client: what it says comes to this process's streams, what is typed here goes to it."""

from __future__ import annotations

import _socket
import os
import select

from runner.containers import protocol
from runner.containers.detaching import DetachKeys
from runner.containers.wakeup import Wakeup
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_FIRST_REALTIME: Final = 32
_NOT_PASSED_ON: Final = {signal.SIGCHLD, signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGURG}
_OUTPUTS: Final = {protocol.OUTPUT: 1, protocol.ERRORS: 2}


class Detached(Exception):
    """The user has typed the keys for it."""


class Attachment:
    """A connection to a container's monitor, and what of this process's streams goes over it."""

    def __init__(
        self,
        end: _socket.socket,
        *,
        has_input: bool,
        keys: DetachKeys | None,
        signalled: Callable[[int], None] | None,
    ) -> None:
        """Be ready: from here on signals are passed on.

        Args:
            end: the client's end.
            has_input: whether standard input goes to the container.
            keys: those that end the connection; None where there are none.
            signalled: told of signals to pass on; None where they mean this process.
        """
        self._end = end
        self._has_input = has_input
        self._keys = keys
        self._signalled = signalled
        passed = [] if signalled is None else [n for n in range(1, _FIRST_REALTIME) if n not in _NOT_PASSED_ON]
        self._wakeup = Wakeup({*passed, int(signal.SIGWINCH)})

    def run(self) -> int | None:
        """Carry on until the container ends; its exit status, or None where the monitor was killed.

        Raises:
            Detached: the user does not want to wait any longer.
        """
        self._resize()
        while True:
            poll = select.poll()
            poll.register(self._end, select.POLLIN)
            poll.register(self._wakeup, select.POLLIN)
            if self._has_input:
                poll.register(0, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeup.fileno() in ready:
                self._pass_on()
            if 0 in ready:
                self._type()
            if self._end.fileno() in ready:
                message = protocol.receive(self._end)
                if not message:
                    return None
                if message[:1] == protocol.ENDED:
                    return protocol.status_of(message)[0]
                _show(message)

    def _type(self) -> None:
        try:
            content = os.read(0, protocol.BLOCK)
        except OSError:
            content = b""
        if not content:
            self._has_input = False
            self._send(protocol.END)
            return
        if self._keys is None:
            self._send(protocol.INPUT + content)
            return
        passed, detached = self._keys.feed(content)
        if passed:
            self._send(protocol.INPUT + passed)
        if detached:
            raise Detached

    def _pass_on(self) -> None:
        for number in self._wakeup.read():
            if number == signal.SIGWINCH:
                self._resize()
            elif self._signalled is not None:
                self._signalled(number)

    def _resize(self) -> None:
        size = terminal_size()
        if size is not None:
            self._send(protocol.size_message(*size))

    def _send(self, message: bytes) -> None:
        try:
            self._end.send(message)
        except OSError:
            # It has ended; how is told by its last message, which is still to be read.
            self._has_input = False


def terminal_size() -> tuple[int, int] | None:
    """Rows and columns of the terminal that standard output is, if it is one."""
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        return None
    return rows, columns


def _show(message: bytes) -> None:
    descriptor = _OUTPUTS.get(message[:1])
    content = memoryview(message)[1:]
    while content and descriptor is not None:
        content = content[os.write(descriptor, content) :]
