"""Client programs, each with a home of its own, so that no configuration of the machine reaches a test."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.requirements import require_tool

# A build of the container image takes the longest.
DEADLINE_S = 300


@dataclass(frozen=True, slots=True)
class Client:
    """A program with the arguments and environment that each of its calls has in common; it runs in `home`."""

    command: tuple[str, ...]
    home: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """Run one command that must succeed; what it wrote to its standard output."""
        run = self._run(arguments, stdin)
        assert run.returncode == 0, self._account(arguments, run)
        return run.stdout.decode()

    def refused(self, *arguments: str | Path) -> str:
        """Run one command that must fail; what it wrote."""
        run = self._run(arguments, b"")
        assert run.returncode != 0, self._account(arguments, run)
        return (run.stdout + run.stderr).decode()

    def _run(self, arguments: tuple[str | Path, ...], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
        command = [*self.command, *map(str, arguments)]
        return subprocess.run(
            command,
            input=stdin,
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def _account(self, arguments: tuple[str | Path, ...], run: subprocess.CompletedProcess[bytes]) -> str:
        return "\n".join(
            [
                f"{' '.join([*self.command, *map(str, arguments)])} ended with status {run.returncode}",
                run.stdout.decode(errors="replace"),
                run.stderr.decode(errors="replace"),
            ]
        )


def client(program: Path, *arguments: str | Path, home: Path, environment: Mapping[str, str] | None = None) -> Client:
    """`program`, living in the directory `home` (made when it is not there)."""
    scratch = home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    own = {
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "TMPDIR": str(scratch),
        "XDG_RUNTIME_DIR": str(home),
        **(environment or {}),
    }
    return Client((str(program), *map(str, arguments)), home, own)


def podman_in(home: Path) -> Client:
    """podman with its storage in `home`, whose path has to be short."""
    storage: list[str | Path] = ["--root", home / "root", "--runroot", home / "run", "--tmpdir", home / "state"]
    # vfs works on every file system; cgroupfs and a file of events need no systemd.
    settings = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]
    return client(require_tool("podman"), *storage, *settings, home=home)
