"""Further programs, as the monitor has them: it forks a process for each, waits for its end, and tells the client."""

from __future__ import annotations

import _socket
import os
import struct

from runner.containers import protocol
from runner.containers.further import request
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_CREDENTIALS: Final = "3i"
_ENDED_BY_SIGNAL: Final = 128


class Execution:
    """One of them, from its client's arrival on."""

    __slots__ = ("_channel", "_client", "_is_let_go", "_pid")

    def __init__(self, client: _socket.socket, channel: _socket.socket) -> None:
        """Know both.

        Args:
            client: the connection to whoever is told the end.
            channel: what the process that is to become the program says something on; it closes by that.
        """
        self._client = client
        self._channel = channel
        self._is_let_go = False
        self._pid = 0

    def fileno(self) -> int:
        """The channel's descriptor; -1 where it has closed."""
        return self._channel.fileno()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to be told."""
        return self._client.fileno() < 0

    def hear(self) -> None:
        """Take what has been said on the channel."""
        while self._channel.fileno() >= 0:
            try:
                message, credentials, _, _ = self._channel.recvmsg(
                    1, _socket.CMSG_SPACE(struct.calcsize(_CREDENTIALS)), _socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return
            if message:
                self._pid, _, _ = struct.unpack(_CREDENTIALS, credentials[0][2])
                self._is_let_go = message == request.LET_GO
            else:
                self._channel.close()
                self._pass()

    def end(self, pid: int, status: int) -> None:
        """Tell the client of the end of this process, with what waitpid(2) says of it, if it is the program's."""
        if pid == self._pid:
            code = os.waitstatus_to_exitcode(status)
            self._tell(code if code >= 0 else _ENDED_BY_SIGNAL - code)

    def close(self) -> None:
        """Let go of it: its client knows by that that it was killed."""
        self._channel.close()
        self._client.close()

    def _pass(self) -> None:
        """The program is executed, or nothing is: then its client was told why."""
        if self._is_let_go:
            self._tell(0)
        elif not self._pid:
            self._client.close()

    def _tell(self, status: int) -> None:
        # It may have left.
        with Suppressed(OSError):
            self._client.send(protocol.status_message(protocol.ENDED, status))
        self._client.close()
