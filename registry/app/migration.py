"""Bringing the schema up to date before anything is served."""

from __future__ import annotations

import asyncio
import os
import sys

from registry.app.database_access import connecting_of, open_configured, url_of
from registry.app.processes import told
from registry.app.refusals import MigrationFailed
from registry.config import Config
from registry.errors import RegistryError
from registry.metadata.revision import SchemaMismatch

_REASON_BYTES = 4096


def migrate(config: Config) -> None:
    """Bring the database's schema up to date, if it is not.

    Must be called from a process with one thread. Alembic is loaded by a child process, only where there is something
    to do, and goes away with it.

    Raises:
        MigrationFailed: the schema could not be brought up to date, and is as it was.
    """
    if not asyncio.run(_is_current(config)):
        _migrate_in_child(config)


async def _is_current(config: Config) -> bool:
    file = config.database.url.sqlite_file
    if file is not None and not file.exists():
        # To open it would make it.
        return False
    try:
        async with await open_configured(config.database):
            return True
    except (SchemaMismatch, RegistryError):
        # The migration meets the same obstacle, if it is one, and tells of it.
        return False


def _migrate_in_child(config: Config) -> None:
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
    upgrade(url_of(config.database), connecting_of(config.database))
