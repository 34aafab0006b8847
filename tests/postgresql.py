"""A PostgreSQL server for a test run: made from nothing, alone in a directory, reached by a socket, and taken away."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.console import await_line
from tests.requirements import require_tool

# PostgreSQL refuses to run as root; its package makes this user.
USER = "postgres"
"""Who owns the server's processes and files, and is its superuser."""

# Nothing here has to survive a power cut, and the sooner a deadlock is noticed the sooner its test ends.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "deadlock_timeout": "20ms",
    "autovacuum": "off",
    "max_wal_size": "128MB",
    # Only what the server tells about itself.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


_MEMORY = Path("/dev/shm")
# More than several servers at the same time use.
_ROOM = 2 << 30


class PostgresCluster:
    """A server in `directory`; `url` reaches its databases while it runs, `as_owner` starts processes like its own."""

    def __init__(self, programs: Path, directory: Path, as_owner: dict[str, Any], settings: Mapping[str, str]) -> None:
        self._programs = programs
        self.directory = directory
        self.as_owner = as_owner
        self._settings = {**_SETTINGS, **settings}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[str] | None = None
        self._console: _Console | None = None

    @property
    def owner(self) -> tuple[int, int]:
        """The user and group whose processes it is."""
        found = self.directory.stat()
        return found.st_uid, found.st_gid

    def start(self) -> None:
        """Run it, and return when it takes connections."""
        settings = [argument for key, value in self._settings.items() for argument in ("-c", f"{key}={value}")]
        data, sockets = str(self.directory / "data"), str(self.directory)
        server = [str(self._programs / "postgres"), "-D", data, "-k", sockets, *settings]
        self._process = subprocess.Popen(server, stderr=subprocess.PIPE, text=True, cwd=self.directory, **self.as_owner)
        await_line(self._process, "ready to accept connections")

    def stop(self) -> None:
        """End it at once, as a crash does."""
        self._close_console()
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes."""
        assert self._process is not None
        pid = self._process.pid
        for process in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
            # That of a connection ends with it.
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def url(self, database: str) -> str:
        """The URL of one of the server's databases."""
        return f"postgresql://{USER}@/{database}?host={self.directory}"

    def create(self, template: str = "template0") -> str:
        """Make a database like `template`, to which nobody may be connected, and give its name."""
        name = f"test_{next(self._numbers)}"
        # Nothing here is written for long, and files are copied sooner than pages through the server's log.
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" :copying')
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.run(f'DROP DATABASE "{database}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        if self._console is None:
            self._console = _Console(self._programs / "psql", self.url("postgres"))
        try:
            self._console.run(statement)
        except BaseException:
            self._close_console()
            raise

    def _close_console(self) -> None:
        if self._console is not None:
            self._console.close()
            self._console = None


class _Console:
    """One psql for all statements: to start one, and to connect, costs more than a small database."""

    # Before version 15 there was but one way to copy a database.
    _PRELUDE = """\
SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 THEN 'STRATEGY FILE_COPY' ELSE '' END AS copying
\\gset
"""
    _DONE = "done"

    def __init__(self, psql: Path, url: str) -> None:
        command = [str(psql), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._tell(self._PRELUDE)

    def run(self, statement: str) -> None:
        """Run one statement; psql itself says on standard error why it fails, and ends."""
        self._tell(f"{statement};\n\\echo {self._DONE}\n")
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == f"{self._DONE}\n":
                return
        raise subprocess.CalledProcessError(self._process.wait(), statement)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _tell(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()


@contextmanager
def running_cluster(
    settings: Mapping[str, str] = MappingProxyType({}), files: Mapping[str, str] = MappingProxyType({})
) -> Iterator[PostgresCluster]:
    """A server that runs until the end of the context; skips the test where there is no PostgreSQL.

    `settings` are more of its own, and `files` texts that stand in its data directory, by name.
    """
    # A link to the server may stand alone; its programs are beside the file itself.
    programs = require_tool("postgres").resolve().parent
    # Not below pytest's own directory, which only root may enter; and a socket's path must be short.
    directory = Path(tempfile.mkdtemp(prefix="moorage-postgresql-", dir=_memory()))
    try:
        as_owner = _as_owner()
        if as_owner:
            shutil.chown(directory, USER, as_owner["group"])
        data = str(directory / "data")
        # Sorted as English is, unlike any order that the registry may show.
        initdb = [str(programs / "initdb"), "--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8"]
        initdb += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--pgdata", data]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=directory, **as_owner)
        for name, text in files.items():
            _write_secret(directory / "data" / name, text, directory.stat())
        cluster = PostgresCluster(programs, directory, as_owner, settings)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory)


def _write_secret(file: Path, text: str, owner: os.stat_result) -> None:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    os.chown(file, owner.st_uid, owner.st_gid)


def _memory() -> Path | None:
    """A file system in memory where there is one with room: to copy a database there takes half of the work."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if has_room else None


def _as_owner() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}
