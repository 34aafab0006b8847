"""Running commands within the test's own process, which is quick."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.cli.main import main
from tests.registry.cli.running import Ended, Run


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
