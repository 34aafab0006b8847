"""A further program as the runtime specification describes processes."""

from __future__ import annotations

import os

from runner.bundles.process import further_process, hostname_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.bundles.facts import Facts
    from runner.containers.further.request import Request
    from runner.containers.records import Container, Running


def describe(
    container: Container, running: Running, request: Request, *, host: Facts, warn: Callable[[str], None]
) -> dict[str, object]:
    """The program as an OCI runtime reads it, as JSON has it, looked up in the container's root as it is now.

    Raises:
        RunnerError: its user is not there.
        OSError: the container has ended.
    """
    name = hostname_of(container.settings, container.id, host)
    root = os.open(f"/proc/{running.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        document, warnings = further_process(container.settings, request.program, root, facts=host, hostname=name)
    finally:
        os.close(root)
    for warning in warnings:
        warn(warning)
    if request.rows is not None and request.columns is not None:
        document["consoleSize"] = {"height": request.rows, "width": request.columns}
    return document
