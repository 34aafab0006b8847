"""Running commands within the test's own process, which is quick."""

import asyncio
import io
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.app.assembly import open_services
from registry.cli.main import main
from registry.config import load
from tests.registry.cli.running import LAYER_CONTENT, PASSWORD, Ended, Run
from tests.registry.pushing import Pusher


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
def data(tmp_path: Path, migrated_sqlite_file: Path) -> Path:
    """The data of a registry that holds `team/app:1`."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copyfile(migrated_sqlite_file, data / "registry.db")
    asyncio.run(_fill(data))
    return data


async def _fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        await Pusher.to(services, "team/app").image("1", config=b"{}", layers=[LAYER_CONTENT])


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on an empty registry, with a password on standard input."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    return run_there
