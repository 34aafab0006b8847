"""A server before another one, which hands requests and answers on as they are."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Forwarder(BaseHTTPRequestHandler):
    """Hands a request on to `upstream` (host and port); its signature covers the host that the client asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: tuple[str, int]

    def handle(self) -> None:
        """Answer the requests of one connection."""
        try:
            super().handle()
        except OSError:
            # The client has gone.
            self.close_connection = True

    def log_message(self, *said: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer one request, of any kind."""
        self.forward(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def forward(self, body: bytes) -> None:
        """Hand the request on, and the answer back."""
        connection = http.client.HTTPConnection(*self.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            self.pass_on(answer, answer.read())
        finally:
            connection.close()

    def pass_on(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        """Hand the answer back."""
        self.begin(answer, content)
        self.wfile.write(content)

    def begin(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        """Hand back all but the body."""
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()


@contextmanager
def forwarding(handler: type[Forwarder]) -> Iterator[str]:
    """The address (host:port) of a server whose requests `handler` hands on, until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        # Clients keep connections open that rest.
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
