"""What a monitor does while its container runs: it carries what is said from one side to the other, and waits."""

from __future__ import annotations

import os
import select

from runner.containers import protocol
from runner.plain_signal import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.containers.monitor.clients import Client, Listener
    from runner.containers.monitor.logs import LogWriter
    from runner.containers.monitor.requests import Requests
    from runner.containers.monitor.streams import Sink, Source, Streams
    from runner.containers.wakeup import Wakeup

_ENDED_BY_SIGNAL = 128
_ENDING = frozenset({int(signal.SIGTERM), int(signal.SIGINT), int(signal.SIGHUP), int(signal.SIGQUIT)})

HEEDED = (int(signal.SIGCHLD), *_ENDING)
"""The signals that a monitor waits for."""


class Loop:
    """The container's streams, its clients and its first process, until that ends."""

    __slots__ = ("_clients", "_first", "_listener", "_log", "_pid", "_requests", "_stop", "_streams", "_wakeup")

    def __init__(
        self,
        streams: Streams,
        log: LogWriter,
        listener: Listener,
        *,
        requests: Requests | None,
        wakeup: Wakeup,
        clients: list[Client],
    ) -> None:
        """Know all of them.

        Args:
            streams: the container's.
            log: where what it says is written.
            listener: where clients arrive.
            requests: what others want to have executed; None where another runtime sees to that.
            wakeup: of the signals that are heeded.
            clients: those who are connected already.
        """
        self._streams = streams
        self._log = log
        self._listener = listener
        self._requests = requests
        self._wakeup = wakeup
        self._clients = clients
        self._first: Client | None = None
        self._pid = 0
        self._stop: Callable[[], None] = lambda: None

    @property
    def clients(self) -> list[Client]:
        """Those who are connected now."""
        return self._clients

    def run(self, pid: int, *, ends_input: Client | None, stop: Callable[[], None]) -> int:
        """Carry on until the process ends; its exit status, as shells tell it.

        Args:
            pid: the container's first process, a child of this one.
            ends_input: the client whose leaving is the end of the container's input.
            stop: called when this process is told to end.
        """
        self._pid, self._first, self._stop = pid, ends_input, stop
        while True:
            status = self._bury()
            if status is not None:
                return status
            self._turn()

    def finish(self) -> None:
        """Carry on what the container has left in its streams, and take no more: it has ended."""
        # Who has connected is told of the end, or would take it for that of a monitor that was killed.
        while self._welcome(0):
            pass
        for source in list(self._streams.sources):
            while self._carry(source):
                pass
        self._log.close()
        self._listener.close()
        if self._requests is not None:
            self._requests.close()

    def let_go(self) -> None:
        """Let go of those who wait for further programs: what ran on without the container has been killed."""
        if self._requests is not None:
            self._requests.finish()

    def send_all(self, message: bytes) -> None:
        """Send a message to every client."""
        for client in self._clients:
            client.send(message)

    def _turn(self) -> None:
        poll = select.poll()
        members = self._members()
        for descriptor, (events, _) in members.items():
            poll.register(descriptor, events)
        for descriptor, happened in poll.poll():
            members[descriptor][1](happened)
        for client in [client for client in self._clients if client.is_gone]:
            self._leave(client)

    def _members(self) -> dict[int, tuple[int, Callable[[int], object]]]:
        """What to wait for now, and what is done then, by descriptor."""
        sink = self._streams.sink
        has_room = sink is None or not sink.is_full
        members: dict[int, tuple[int, Callable[[int], object]]] = {
            self._wakeup.fileno(): (select.POLLIN, self._wake),
            self._listener.fileno(): (select.POLLIN, self._welcome),
        }
        requests = self._requests
        if requests is not None:
            members[requests.fileno()] = (select.POLLIN, lambda _happened: requests.serve())
            for each in requests.executions():
                members[each.fileno()] = (select.POLLIN, lambda _happened, each=each: each.hear())  # type: ignore[misc]
        for client in self._clients:
            events = (select.POLLIN if has_room else 0) | (select.POLLOUT if client.is_waiting else 0)
            members[client.fileno()] = (events, lambda happened, client=client: self._serve(client, happened))  # type: ignore[misc]
        # Who is slow slows the container down, as a pipe does: nothing is lost, and nothing piles up.
        if not any(client.is_behind for client in self._clients):
            for source in self._streams.sources:
                members[source.fileno()] = (select.POLLIN, lambda _happened, source=source: self._carry(source))  # type: ignore[misc]
        if sink is not None and sink.is_waiting:
            self._add_sink(members, sink)
        return members

    def _add_sink(self, members: dict[int, tuple[int, Callable[[int], object]]], sink: Sink) -> None:
        # A terminal is one descriptor for both directions.
        events, also = members.get(sink.fileno(), (0, None))

        def serve(happened: int) -> None:
            if happened & ~select.POLLIN:
                sink.flush()
            if also is not None and happened & ~select.POLLOUT:
                also(happened)

        members[sink.fileno()] = (events | select.POLLOUT, serve)

    def _wake(self, _happened: int) -> None:
        if _ENDING.intersection(self._wakeup.read()):
            self._stop()

    def _welcome(self, _happened: int) -> bool:
        """Take the next client that has arrived; whether there was one."""
        client = self._listener.accept()
        if client is not None:
            self._clients.append(client)
        return client is not None

    def _carry(self, source: Source) -> bool:
        """Take what a source has to the log and the clients; whether there was something."""
        content = source.read()
        if content:
            # To those who wait first.
            for client in self._clients:
                if not client.is_quiet:
                    client.send(source.kind + content)
            self._log.write(source.stream, content)
        elif content is not None:
            self._streams.close(source)
        return bool(content)

    def _serve(self, client: Client, happened: int) -> None:
        if happened & select.POLLOUT:
            client.flush()
        if happened & ~select.POLLOUT:
            self._obey(client, client.receive())

    def _obey(self, client: Client, message: bytes) -> None:
        kind, content = message[:1], message[1:]
        sink = self._streams.sink
        if kind == protocol.SIZE:
            size = protocol.size_of(message)
            if size is not None:
                self._streams.resize(*size)
        elif kind == protocol.QUIET:
            client.is_quiet = True
        elif kind == protocol.INPUT and sink is not None:
            sink.write(content)
        elif kind == protocol.END and client is self._first and sink is not None:
            sink.end()

    def _leave(self, client: Client) -> None:
        self._clients.remove(client)
        client.close()
        if client is self._first and self._streams.sink is not None:
            self._streams.sink.end()

    def _bury(self) -> int | None:
        """Bury all children that have ended: the container's orphans come to this process."""
        found = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if not pid:
                return found
            if pid == self._pid:
                code = os.waitstatus_to_exitcode(status)
                found = code if code >= 0 else _ENDED_BY_SIGNAL - code
            elif self._requests is not None:
                self._requests.bury(pid, status)
