"""Running commands within the test's own process, which is quick."""

import io
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.cli.main import main
from tests.registry.cli.running import PASSWORD, Ended, Run


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], restored_logging: None
) -> Run:
    """Run a command in an empty folder, with nothing on standard input."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("REGISTRY_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        capfd.readouterr()
        with monkeypatch.context() as patched:
            for name, value in (environment or {}).items():
                patched.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, *capfd.readouterr())

    return run


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on an empty registry, with a password on standard input."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    return run_there
