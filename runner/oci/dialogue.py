"""What the runtime and the processes that it forks say to each other.

The first child (`birth`) makes the namespaces. It becomes the container's own first process (`initial`), or forks it,
and says the first three then; both speak to the runtime (`creation`) by one end of a socket pair:

    birth    map          →             write the maps of the user namespace of this process, pid in the text
             go           ←
             sources      →             open what binds show, as this process would see it, pid in the text
             pid          →             the container's first process, pid in the text; birth ends
    initial  go           ←
             hooks        →             if there are any: all namespaces and mounts are made, and prestart and
                                        createRuntime are due
             go           ←             with the number that this process has on the host
             created      →             only the program is left to be executed
             go           ←             the state is on disk; wait for `start`
    either   warning      →             something was left out
             error        →             the text says what has stopped it; it ends

Where the other end is gone, each of them ends: nobody would know of the container.

A process of `exec` (`execution`, `joining`) says pid, created, warning and error alike. When it executes the
program, its end closes.
"""

from __future__ import annotations

import _socket
import os

from runner.oci.errors import SetupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

MAP: Final = "map"
SOURCES: Final = "sources"
PID: Final = "pid"
HOOKS: Final = "hooks"
CREATED: Final = "created"
GO: Final = "go"
WARNING: Final = "warning"
ERROR: Final = "error"

_LONGEST = 8192


class Channel:
    """One end. A message is a kind and a text; a longer text is cut."""

    __slots__ = ("_socket",)

    def __init__(self, end: _socket.socket) -> None:
        self._socket = end

    def send(self, kind: str, text: str = "") -> None:
        """Say something.

        Raises:
            SetupFailed: nobody listens.
        """
        message = f"{kind}\0{text}".encode("utf-8", "surrogateescape")[:_LONGEST]
        try:
            self._socket.send(message)
        except OSError as error:
            raise SetupFailed("the runtime has gone") from error

    def receive(self) -> tuple[str, str]:
        """Wait for what the other side says.

        Raises:
            SetupFailed: it ended without a word.
        """
        message = self._socket.recv(_LONGEST)
        if not message:
            raise SetupFailed("the container's first process ended without a word")
        kind, _, text = message.decode("utf-8", "surrogateescape").partition("\0")
        return kind, text

    def listen(self, warn: Callable[[str], None]) -> tuple[str, str]:
        """Wait for the next message that asks for something.

        Args:
            warn: told of what was left out.

        Raises:
            SetupFailed: the other side was stopped, or ended without a word.
        """
        while True:
            kind, text = self.receive()
            if kind == ERROR:
                raise SetupFailed(text)
            if kind != WARNING:
                return kind, text
            warn(text)

    def ask(self, kind: str, text: str = "") -> None:
        """Say something, and come back when the other side has done it.

        Raises:
            SetupFailed: it is gone.
        """
        self.send(kind, text)
        self.wait_for_go()

    def wait_for_go(self) -> str:
        """Wait until the other side says so; the answer is the text that comes with it.

        Raises:
            SetupFailed: it is gone.
        """
        kind, text = self.receive()
        if kind != GO:
            raise SetupFailed(f"unexpected answer {kind}")
        return text

    def leave_to_end(self) -> None:
        """Have it close when this process executes another program, whatever that inherits."""
        os.set_inheritable(self._socket.fileno(), False)

    def wait_for_end(self) -> None:
        """Wait until the other side executes another program, by which its end of the channel closes, or has ended.

        Raises:
            SetupFailed: it was stopped before.
        """
        message = self._socket.recv(_LONGEST)
        kind, _, text = message.decode("utf-8", "surrogateescape").partition("\0")
        if kind == ERROR:
            raise SetupFailed(text)

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


def pair() -> tuple[Channel, Channel]:
    """Two ends. Neither reaches a program that is executed."""
    kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC
    one, other = _socket.socketpair(_socket.AF_UNIX, kind)
    return Channel(one), Channel(other)
