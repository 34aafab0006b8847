"""How a forked child of the runtime behaves: it loads nothing more, tells what stops it, and ends."""

from __future__ import annotations

import os
import sys
from _frozen_importlib import BuiltinImporter, FrozenImporter

from runner.errors import RunnerError, told
from runner.oci import dialogue
from runner.oci.errors import CallFailed
from runner.oci.kernel import forking
from runner.plain_signal import signal
from runner.suppression import Suppressed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, Protocol

    from runner.cgroups.folders import Folder
    from runner.cgroups.group import Cgroup

    class Told(Protocol):
        """Whoever is told, as by a `Channel`."""

        def send(self, kind: str, text: str = "") -> None:
            """Say something.

            Raises:
                RunnerError: nobody listens.
            """


_ENDED_BY_SIGNAL = 128
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def fork(cgroup: Cgroup, kinds: tuple[str, ...] = ()) -> tuple[int, Folder | None]:
    """Fork. Where the child could be born in the cgroup, the folder is told in which it is then.

    In that case it is in new namespaces of these kinds, too.
    """
    folder = cgroup.birthplace
    if folder is not None:
        with Suppressed(OSError, CallFailed):
            return forking.fork_into(folder.place, kinds), folder
    return os.fork(), None


def run(channel: Told, work: Callable[[], None]) -> NoReturn:
    """Do the work of a child, and end. What stops it is told to the other end of the channel."""
    status = 1
    try:
        _load_nothing_more()
        _end_at_signals()
        work()
        status = 0
    except RunnerError as error:
        _report(channel, str(error))
    except OSError as error:
        _report(channel, told(error))
    except BaseException as error:  # noqa: BLE001 - nothing may go on in a process that was forked
        _report(channel, f"{type(error).__name__}: {error}")
    finally:
        os._exit(status)


def forget_signals() -> None:
    """Give the next program the signals that Python ignores: that outlasts execve(2)."""
    for number in _RESTORED:
        signal.signal(number, signal.SIG_DFL)


def _load_nothing_more() -> None:
    # From another root, a module of the interpreter's would be the container's file, executed with the host's rights.
    # What the interpreter has within itself, such as the rest of `os`, comes from no file.
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter]
    sys.path_hooks.clear()
    sys.path.clear()


def _end_at_signals() -> None:
    # The first process of a pid namespace ignores what it has no handler for.
    for number in _ENDING:
        signal.signal(number, lambda number, _frame: os._exit(_ENDED_BY_SIGNAL + number))


def _report(channel: Told, text: str) -> None:
    try:
        channel.send(dialogue.ERROR, text)
    except RunnerError:
        # The runtime has gone, or has let the program go: what is left is whoever reads stderr.
        os.write(2, f"runner-oci: {text}\n".encode("utf-8", "backslashreplace"))
