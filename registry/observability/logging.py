"""The application's log: one line per event, JSON or for a console, with the request's id and without secrets.

Libraries that use the standard `logging` module write to the same log.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

import msgspec

from registry.observability.lean_structlog import structlog
from registry.observability.masking import masked_value
from registry.observability.request_context import current

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

Level = Literal["debug", "info", "warning", "error"]
Form = Literal["json", "console"]
_Event = MutableMapping[str, Any]

_LEAST: Final = {
    # Tells at INFO what it loads and assumes, at every start.
    "alembic": logging.WARNING,
    # Repeats the access log.
    "aiohttp.access": logging.CRITICAL,
    # Reports at WARNING what clients did wrong.
    "aiohttp.server": logging.ERROR,
    # Names its selector.
    "asyncio": logging.WARNING,
}
_encoder: Final = msgspec.json.Encoder(enc_hook=str)


def configure(level: Level, form: Form, stream: BinaryIO | None = None) -> None:
    """Write lines of at least `level` to `stream` (standard error if None); may be called again to change that.

    Each line is handed over in one write, so that lines of several processes do not mix.
    """
    target = stream if stream is not None else sys.stderr.buffer
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=_processors(form, target),
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _Lines(target),
        # A cached logger would keep the level of its first line when the level is changed.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_ToStructlog()]
    root.setLevel(threshold)
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(least, threshold))
    logging.captureWarnings(capture=True)


def more_talkative(one: Level, other: Level) -> Level:
    """That of the two levels by which more is written."""
    names = logging.getLevelNamesMapping()
    return min(one, other, key=lambda level: names[level.upper()])


def logger(room: str) -> FilteringBoundLogger:
    """A logger whose lines name the room they come from, as in `logger(__name__)`."""
    bound: FilteringBoundLogger = structlog.get_logger(room=room)
    return bound


def _processors(form: Form, target: BinaryIO) -> list[Processor]:
    shared: list[Processor] = [structlog.processors.format_exc_info, _mask]
    if form == "json":
        return [*shared, _encode]
    console = structlog.dev.ConsoleRenderer(
        colors=target.isatty() and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [structlog.processors.add_log_level, *shared, _escape, _add_clock, console, _to_bytes]


def _mask(_logger: object, _method: str, event: _Event) -> _Event:
    return {name: masked_value(name, value) for name, value in event.items()}


def _encode(_logger: object, method: str, event: _Event) -> bytes:
    line: dict[str, Any] = {"time": time.time(), "level": method, "event": event.pop("event", "")}
    return _encoder.encode({**_with_request(line), **event})


def _add_clock(_logger: object, _method: str, event: _Event) -> _Event:
    event["timestamp"] = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
    return _with_request(event)


def _with_request(event: _Event) -> _Event:
    context = current()
    if context is not None:
        event["request_id"] = context.request_id
        if context.trace_id is not None:
            event["trace_id"] = context.trace_id
    return event


def _escape(_logger: object, _method: str, event: _Event) -> _Event:
    # What a client sent must not steer the terminal of the person who reads it.
    return {name: _printable(value) if name != "exception" else value for name, value in event.items()}


def _printable(value: Any) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in value)


def _to_bytes(_logger: object, _method: str, line: Any) -> bytes:
    return str(line).encode()


class _Lines:
    """Where the lines go; a log that cannot be written must not fail what it reports about."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def msg(self, line: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._target.write(line + b"\n")
            self._target.flush()

    debug = info = warning = error = critical = exception = msg


class _ToStructlog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = record.getMessage()
        except (TypeError, ValueError):
            event = str(record.msg)
        level = "critical" if record.levelno >= logging.CRITICAL else record.levelname.lower()
        write = getattr(structlog.get_logger(room=record.name), level, None)
        if write is not None:
            write(event, **({"exc_info": record.exc_info} if record.exc_info else {}))
