"""Requests to execute something in the container: for each, a process is forked that has this one's modules loaded."""

from __future__ import annotations

from runner.containers import reaching
from runner.containers.further import serving
from runner.containers.monitor.clients import Listener
from runner.containers.monitor.executions import Execution
from runner.errors import RunnerError
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Requests:
    """The socket at which they arrive, and what has become of them."""

    __slots__ = ("_executions", "_listener", "_server")

    def __init__(self, folder: int, server: serving.Server) -> None:
        """Let them arrive from here on, in a directory that is open."""
        self._listener = Listener(folder, reaching.EXEC)
        self._server = server
        self._executions: list[Execution] = []

    def fileno(self) -> int:
        """The descriptor."""
        return self._listener.fileno()

    def executions(self) -> Iterator[Execution]:
        """Those that have still something to say."""
        return (each for each in self._executions if each.fileno() >= 0)

    def serve(self) -> None:
        """Have the next one served, if there is one, by a child that goes on alone."""
        client = self._listener.take()
        if client is None:
            return
        try:
            self._executions.append(Execution(client, self._server.begin(client)))
        except (RunnerError, OSError) as error:
            with Suppressed(OSError):
                client.send(serving.refusal(error))
            client.close()

    def bury(self, pid: int, status: int) -> None:
        """Tell of the end of a child: it may be a program that somebody waits for."""
        for each in self._executions:
            # Whatever it was, it has said so before.
            each.hear()
            each.end(pid, status)
        for each in [each for each in self._executions if each.is_over]:
            self._executions.remove(each)
            each.close()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def finish(self) -> None:
        """Let go of those that have not ended with the container: they were killed."""
        for each in self._executions:
            each.close()
