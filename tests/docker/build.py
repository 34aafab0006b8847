"""The container image, built without a public registry: a base made by debootstrap and wheels collected beforehand."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.e2e.client import Client
from tests.requirements import require_tool, tools_directory

ROOT = Path(__file__).parent.parent.parent
MIRROR = "http://deb.debian.org/debian"

_PACKAGES = "python3,python3-venv"
# Nothing that a Python program needs at run time.
_DISPENSABLE = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")


def import_base(docker: Client, name: str) -> None:
    """Make a root file system of this machine's Debian release, with Python, an image that is called `name`."""
    docker("import", debian(), name)


def make_context(directory: Path, docker: Client, base: str) -> Path:
    """What `docker build` is given: the files that the image is made from, and the wheels for `base`'s Python."""
    context = directory / "context"
    context.mkdir()
    for name in ("oci_spec", "storage_backends", "registry_client", "registry", "runner", "migrations", "docker"):
        shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dockerignore", "pyproject.toml", "README.md", "requirements.lock", "requirements-build.lock"):
        shutil.copy(ROOT / name, context / name)
    shutil.copytree(_wheels(_python_of(docker, base)), context / "docker" / "wheels")
    return context


def _wheels(python: str) -> Path:
    """What the lock files name, for this version of Python; kept beside the tools while they name the same."""
    locks = [ROOT / "requirements.lock", ROOT / "requirements-build.lock"]
    named = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    wheels = tools_directory() / "wheels" / f"{named}-for-{python}"
    if wheels.exists():
        return wheels
    wheels.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheels.parent) as scratch:
        fresh = Path(scratch) / "wheels"
        _run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--only-binary=:all:"),
            *("--python-version", python, "--dest", str(fresh)),
            *(part for lock in locks for part in ("--requirement", str(lock))),
        )
        # Another run may have been quicker.
        with suppress(OSError):
            fresh.rename(wheels)
    return wheels


def debian() -> Path:
    """The root file system as a tar file, kept beside the tools: to make it takes longer than everything else here."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    archive = tools_directory() / "bases" / f"{suite}-with-{_PACKAGES.replace(',', '-')}.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        root = Path(scratch) / "root"
        _run(str(require_tool("debootstrap")), "--variant=minbase", f"--include={_PACKAGES}", suite, str(root), MIRROR)
        for name in _DISPENSABLE:
            shutil.rmtree(root / name, ignore_errors=True)
        packed = Path(scratch) / "root.tar"
        _run("tar", "--create", "--numeric-owner", "--file", str(packed), "--directory", str(root), ".")
        packed.replace(archive)
    return archive


def _python_of(docker: Client, base: str) -> str:
    said = docker("run", "--rm", "--network=none", base, "/usr/bin/python3", "--version")
    match = re.search(r"\d+\.\d+", said)
    assert match is not None, said
    return match.group()


def _run(*command: str) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"{' '.join(command)} ended with status {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run.stdout
