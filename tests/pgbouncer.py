"""A PgBouncer in transaction mode before a test's PostgreSQL, with fewer connections to it than clients have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.console import await_line
from tests.postgresql import USER, PostgresCluster
from tests.requirements import require_tool

_PORT = 6432
_SETTINGS = """
[databases]
* = host={sockets} user={user}

[pgbouncer]
unix_socket_dir = {directory}
listen_addr =
listen_port = {port}
pool_mode = transaction
auth_type = any
default_pool_size = 3
max_client_conn = 500
# A database of a test is dropped when the test ends.
server_idle_timeout = 1
"""


class PgBouncer:
    """A running PgBouncer."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def url(self, database: str) -> str:
        """The URL of one of the databases behind it."""
        return f"postgresql://{USER}@/{database}?host={self._directory}&port={_PORT}"


@contextmanager
def running_pgbouncer(cluster: PostgresCluster) -> Iterator[PgBouncer]:
    """One before `cluster`, until the end of the context; skips the test where there is none."""
    program = require_tool("pgbouncer")
    directory = cluster.directory / "pgbouncer"
    directory.mkdir()
    file = directory / "pgbouncer.ini"
    file.write_text(_SETTINGS.format(sockets=cluster.directory, user=USER, directory=directory, port=_PORT))
    os.chown(directory, *cluster.owner)
    process = subprocess.Popen([program, file], stderr=subprocess.PIPE, text=True, **cluster.as_owner)
    try:
        await_line(process, "process up")
        yield PgBouncer(directory)
    finally:
        process.kill()
        process.wait()
