"""The access log: one line per request, encoded once, written by a thread of its own.

A reader that is slow or stands still must not hold up requests: lines wait in a bounded buffer, and what does not fit
any more is dropped and counted.
"""

import errno
import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from registry.observability.masking import encodable, masked_target

Form = Literal["json", "combined", "off"]

FLUSH_S: Final = 0.25
BUFFER_BYTES: Final = 4 * 1024 * 1024

_TARGET_CHARACTERS: Final = 1024
_AGENT_CHARACTERS: Final = 256
_BLOCK_BYTES: Final = 64 * 1024


class AccessEntry(msgspec.Struct, gc=False, omit_defaults=True, kw_only=True):
    """What one request was and how it ended. Times in seconds since 1970, durations in seconds, sizes in bytes.

    `remote`, `scheme` and `host` are the client's address and whom it asked, before any proxy that is trusted to know.
    `code` 499 means that the client went away before it was answered.
    """

    time: float
    remote: str
    method: str
    target: str
    protocol: str
    scheme: str = ""
    host: str = ""
    code: int
    duration_s: float
    received: int = 0
    sent: int = 0
    handler: str = ""
    subject: str = ""
    request_id: str = ""
    trace_id: str = ""
    referer: str = ""
    agent: str = ""


class AccessLog:
    """Writes entries to the file descriptor `fd`, which stays open when the log is closed.

    Made in the process that uses it: its thread does not survive a fork. `close` writes what is left; until then a
    line may wait `FLUSH_S`. `on_drop` is called for each line that is lost because the reader is too slow.
    """

    def __init__(self, fd: int, form: Form, on_drop: Callable[[], None] | None = None) -> None:
        self._fd = fd
        self.use(form)
        # Other processes write there too, and a write to what is no file is whole only up to this size.
        self._block = _BLOCK_BYTES if stat.S_ISREG(os.fstat(fd).st_mode) else select.PIPE_BUF
        self._lines: deque[bytes] = deque()
        # Each is written by one thread only; their difference is what waits.
        self._taken_bytes = self._written_bytes = 0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._on_drop = on_drop

    def use(self, form: Form) -> None:
        """Write the entries to come in this form."""
        self._encode = {"json": _json_line, "combined": _combined_line, "off": None}[form]

    def record(self, entry: AccessEntry) -> None:
        """Take one entry; never blocks."""
        if self._encode is None:
            return
        line = self._encode(entry)
        if self._taken_bytes - self._written_bytes + len(line) > BUFFER_BYTES:
            if self._on_drop is not None:
                self._on_drop()
            return
        self._taken_bytes += len(line)
        self._lines.append(line)
        if not self._wake.is_set():
            self._wake.set()
            self._start_once()

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is left, for at most `timeout_s` if the reader stands still; may be repeated."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start_once(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            # More lines gather meanwhile, so that a busy worker writes a few times a second only.
            self._closing.wait(FLUSH_S)
            self._wake.clear()
            self._write_all()
        self._write_all()

    def _write_all(self) -> None:
        for block in self._blocks():
            _write(self._fd, block)
            self._written_bytes += len(block)

    def _blocks(self) -> Iterator[bytes]:
        block = bytearray()
        while self._lines:
            line = self._lines.popleft()
            if block and len(block) + len(line) > self._block:
                yield bytes(block)
                block.clear()
            block += line
        if block:
            yield bytes(block)


def _write(fd: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except OSError as error:
            if error.errno != errno.EAGAIN:
                # The reader has gone or its disk is full: requests are more important than their log.
                return
            select.select([], [fd], [])


_encoder: Final = msgspec.json.Encoder()


def _json_line(entry: AccessEntry) -> bytes:
    _bound(entry)
    return _encoder.encode(entry) + b"\n"


def _combined_line(entry: AccessEntry) -> bytes:
    _bound(entry)
    moment = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(entry.time))
    request = _quoted(f"{entry.method} {entry.target} {entry.protocol}")
    return (
        f"{entry.remote or '-'} - {_quoted(entry.subject) or '-'} [{moment}] "
        f'"{request}" {entry.code} {entry.sent or "-"} '
        f'"{_quoted(entry.referer) or "-"}" "{_quoted(entry.agent) or "-"}"\n'
    ).encode()


def _bound(entry: AccessEntry) -> None:
    entry.target = encodable(masked_target(entry.target[:_TARGET_CHARACTERS]))
    entry.agent = encodable(entry.agent[:_AGENT_CHARACTERS])
    entry.referer = encodable(masked_target(entry.referer[:_AGENT_CHARACTERS]))


def _quoted(text: str) -> str:
    # A client must not be able to end a field or a line.
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(
        character if character.isprintable() and character not in '"\\' else f"\\x{ord(character):02x}"
        for character in text
    )
