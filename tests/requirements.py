"""What a test needs beside Python: programs, and root's rights."""

import os
import shutil
from pathlib import Path

import pytest

# Daemons live in directories that an ordinary user's PATH leaves out.
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def require_tool(name: str) -> Path:
    """The program `name`, as an absolute path; without it the test is skipped by name.

    With `CI=true` that skip is a failure, as every skip is (see `conftest.py`).
    """
    found = find_tool(name)
    if found is None:
        pytest.skip(f"{name} is not installed; `make tools` installs it")
    return found


def require_root() -> None:
    """Skip the test by name unless it runs with root's rights."""
    if os.geteuid() != 0:
        pytest.skip("needs root's rights")


def find_tool(name: str) -> Path | None:
    """The program `name`: pinned by `make tools`, on PATH, or where the system keeps daemons; None without it."""
    found = shutil.which(name, path=os.pathsep.join(_search_path()))
    return Path(found) if found else None


def tools_directory() -> Path:
    """Where `make tools` keeps the programs that it builds (the same rule as in `tests/tools/install`)."""
    if chosen := os.environ.get("MOORAGE_TOOLS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "moorage-tools"


def _search_path() -> list[str]:
    # PostgreSQL's server programs stand in a directory of their version; the newest comes first.
    postgresql = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    return [
        str(tools_directory() / "bin"),
        *os.environ.get("PATH", os.defpath).split(os.pathsep),
        *_SYSTEM_DIRECTORIES,
        *map(str, postgresql),
        str(tools_directory() / "go-from-python" / "bin"),
    ]
