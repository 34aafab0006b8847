"""A process of its own that could own a job."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SAY_NAME_AND_WAIT = "from registry.services.owner import this_process; print(this_process(), flush=True); input()"


@contextmanager
def owning_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and its name as an owner; killed at the end."""
    command = [sys.executable, "-c", _SAY_NAME_AND_WAIT]
    sources = Path(__file__).parents[3]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=sources) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
