"""The lock files: what they pin agrees, is hashed, and names no package index."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCK_FILES = [*sorted(path.name for path in ROOT.glob("requirements*.lock")), "tests/tools/go.lock"]


@pytest.mark.parametrize("name", LOCK_FILES)
def test_every_pin_has_hashes_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert all("--hash=sha256:" in requirement for requirement in _requirements(text))


@pytest.mark.parametrize("name", ["requirements-build.lock", "requirements-dev.lock"])
def test_a_package_has_one_version_in_all_lock_files(name: str) -> None:
    runtime = _versions("requirements.lock") | _versions("requirements-dev.lock")

    other = _versions(name)

    assert {package: version for package, version in other.items() if runtime.get(package, version) != version} == {}


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    missing = {
        lock: set(map(_name, declared)) - set(_versions(lock))
        for lock, declared in {
            "requirements.lock": project["project"]["dependencies"],
            "requirements-build.lock": project["dependency-groups"]["build"],
            "requirements-dev.lock": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
        }.items()
    }

    assert missing == {"requirements.lock": set(), "requirements-build.lock": set(), "requirements-dev.lock": set()}


def _versions(name: str) -> dict[str, str]:
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(pins)


def _requirements(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return match.group().lower().replace("_", "-")
