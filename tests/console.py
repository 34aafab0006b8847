"""What a server says on standard error: waited for when it starts, and then taken and forgotten.

A pipe that nobody reads holds 64 KiB, and whoever writes to a full one waits for ever.
"""

from __future__ import annotations

import subprocess
import threading


def await_line(process: subprocess.Popen[str], text: str) -> None:
    """Return when a line holds `text`; what comes after it is taken by a thread until the process ends.

    Raises:
        RuntimeError: the process ended before; it tells all that it said.
    """
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if text in line:
            threading.Thread(target=_forget, args=(process,), daemon=True).start()
            return
    process.stderr.close()
    raise RuntimeError(f"{process.args!r} did not start:\n" + "".join(told))


def _forget(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    with process.stderr as console:
        for _ in console:
            pass
