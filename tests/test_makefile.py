"""The Makefile: it lists itself, and says what a machine lacks before anything is installed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.tool("make")

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def test_without_a_target_the_targets_are_listed(tmp_path: Path) -> None:
    run = _make(tmp_path)

    assert run.returncode == 0
    listed = [line.split()[1] for line in run.stdout.splitlines()]
    assert listed == re.findall(r"^\.PHONY: (\S+)$", MAKEFILE.read_text(), re.MULTILINE)
    assert {"serve", "test"} <= set(listed)


def test_a_python_without_venv_is_answered_with_the_package_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)

    run = _make(tmp_path, "install", f"PYTHON={python}")

    assert run.returncode != 0
    assert "apt-get install python3-venv" in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_machine_without_a_new_enough_python_is_told_so(tmp_path: Path) -> None:
    run = _make(tmp_path, "install", "PYTHON=")

    assert run.returncode != 0
    assert "Python 3.11 or newer" in run.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(("variables", "mode"), [((), None), (("AUTH=token",), "auth.mode=token")])
def test_accounts_are_a_word_at_serve_and_nothing_without_it(
    tmp_path: Path, variables: tuple[str, ...], mode: str | None
) -> None:
    (tmp_path / "runner").mkdir()
    for name in ("pyproject.toml", "requirements.lock", "requirements-build.lock", "runner/installation.py"):
        (tmp_path / name).touch()

    run = _make(tmp_path, "--dry-run", "serve", *variables)

    assert run.returncode == 0
    assert re.findall(r"--set (auth\S+)", run.stdout) == ([mode] if mode else [])


@pytest.mark.timeout(300)
def test_the_commands_are_installed_for_everybody_and_need_the_tree_no_more(tmp_path: Path) -> None:
    stage, prefix = tmp_path / "stage", tmp_path / "prefix"

    run = _make(MAKEFILE.parent, "install-system", f"DESTDIR={stage}", f"PREFIX={prefix}")

    assert run.returncode == 0, run.stderr
    assert run.stdout == f"registry, runner and runner-oci are in {prefix}/bin.\n"
    assert ".whl" not in run.stderr
    (stage / prefix.relative_to("/")).rename(prefix)
    commands = sorted((prefix / "bin").iterdir())
    assert [command.name for command in commands] == ["registry", "runner", "runner-oci"]
    for command in commands:
        assert str(stage) not in command.read_text()
        told = subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "0.1.0" in told.stdout
    assert str(MAKEFILE.parent) not in "".join(command.read_text() for command in commands)
    assert list(prefix.glob("lib/moorage/lib/*/site-packages/registry/_migrations/versions/*.py"))


def test_who_may_not_write_there_is_told_what_to_type() -> None:
    run = _make(MAKEFILE.parent, "install-system", "PREFIX=/proc/moorage")

    assert run.returncode != 0
    assert f"    sudo make -C {MAKEFILE.parent} install-system PREFIX=/proc/moorage\n" in run.stderr


def _make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # This run may itself be a recipe's: what make tells its children must not reach the make under test.
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    # What the environment of development has is the faster installer.
    environment["PATH"] = f"{MAKEFILE.parent / '.venv' / 'bin'}{os.pathsep}{environment['PATH']}"
    command = ["make", "--file", str(MAKEFILE), *arguments]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
