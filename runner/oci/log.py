"""Messages for whoever called: to stderr, or to the file that `--log` names, as text or as JSON lines.

Engines show their users the last error of that file.
"""

from __future__ import annotations

import os
import sys
import time

from runner.json_text import encode
from runner.oci.errors import UsageInvalid

FORMATS = ("text", "json")


class Log:
    """Where messages go. The file is opened for each: it is not to be inherited by anybody."""

    __slots__ = ("_debug", "_format", "_path")

    def __init__(self, path: str | None, form: str, *, debug: bool) -> None:
        if form not in FORMATS:
            raise UsageInvalid(f"--log-format: expected one of {', '.join(FORMATS)}")
        self._path = path
        self._format = form
        self._debug = debug

    def error(self, text: str) -> None:
        """Why nothing comes of it: to the file, and to stderr in any case."""
        if self._path is not None:
            self._write("error", text)
        sys.stderr.write(f"runner-oci: {text}\n")

    def warning(self, text: str) -> None:
        """What was left out."""
        self._write("warning", text)

    def debug(self, text: str) -> None:
        """What is done, for those who ask for it by `--debug`."""
        if self._debug:
            self._write("debug", text)

    def _write(self, level: str, text: str) -> None:
        line = self._line(level, text)
        if self._path is None:
            sys.stderr.write(line)
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            sys.stderr.write(line)
            return
        os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        os.close(descriptor)

    def _line(self, level: str, text: str) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._format == "json":
            return encode({"level": level, "msg": text, "time": moment}) + "\n"
        if self._path is None:
            return f"runner-oci: {level}: {text}\n"
        return f'time="{moment}" level={level} msg={encode(text)}\n'
