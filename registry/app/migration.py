"""Bringing the schema up to date before anything is served."""

from __future__ import annotations

import os
import sys

from registry.app.processes import told
from registry.app.refusals import MigrationFailed
from registry.config import Config

_REASON_BYTES = 4096


def migrate(config: Config) -> None:
    """Upgrade the database's schema in a process of its own, which takes Alembic away with it when it ends.

    Raises:
        MigrationFailed: the schema could not be brought up to date, and is as it was.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _run_and_exit(config, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        reason = pipe.read(_REASON_BYTES).decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    if status != 0:
        raise MigrationFailed(reason or f"the migration ended with status {os.waitstatus_to_exitcode(status)}")


def _run_and_exit(config: Config, writer: int) -> None:
    code = 1
    try:
        _upgrade(config)
        code = 0
    except BaseException as error:  # noqa: BLE001 - the end of a process: whatever it is, the parent tells it
        os.write(writer, told(error).encode(errors="replace")[:_REASON_BYTES])
    finally:
        os._exit(code)


def _upgrade(config: Config) -> None:
    from registry.metadata.migrate import upgrade

    file = config.database.url.sqlite_file
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    upgrade(str(config.database.url))
