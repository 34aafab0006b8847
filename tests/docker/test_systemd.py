"""The unit for systemd: systemd finds nothing wrong with it, and the registry takes its command and its reload."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from registry.config.schema import Config
from tests.docker.build import ROOT
from tests.e2e.server import REGISTRY
from tests.registry.app.processes import running
from tests.requirements import require_tool

UNIT = ROOT / "docker" / "systemd" / "moorage.service"
# Of 10: what systemd itself calls "OK" begins at 5, and an unhardened service has 9.6.
MOST_EXPOSURE = 2.0


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with the program where it is on this machine: systemd looks whether it can be executed."""
    unit = tmp_path / "moorage.service"
    unit.write_text(UNIT.read_text().replace("/opt/moorage/bin/registry", str(REGISTRY)))
    return unit


@pytest.mark.tool("systemd-analyze")
def test_systemd_finds_nothing_wrong(installed: Path) -> None:
    said = analyze("verify", installed)

    # It also reads the machine's own units, and may find something wrong with those.
    assert [line for line in said.splitlines() if installed.name in line] == []


@pytest.mark.tool("systemd-analyze")
def test_little_is_left_to_a_program_that_was_taken_over(installed: Path) -> None:
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE * 10:.0f}", installed)

    assert "Overall exposure level" in said


def test_the_registry_takes_the_command_and_a_reload(tmp_path: Path) -> None:
    [_, *arguments] = shlex.split(value_of("ExecStart"))
    config = tmp_path / "config.toml"
    config.write_text('[log]\nlevel = "info"\n')

    assert arguments == ["serve", "--config", "/etc/moorage/config.toml", "--data", "/var/lib/moorage"]
    assert value_of("ExecReload") == "/bin/kill -HUP $MAINPID"
    with running(tmp_path / "data", "server.workers=1", config=config) as registry:
        config.write_text('[log]\nlevel = "warning"\n')
        registry.signal(signal.SIGHUP)
        assert registry.await_event("configuration reloaded")


def test_systemd_waits_longer_than_a_registry_takes_to_stop() -> None:
    server = Config().server

    assert int(value_of("TimeoutStopSec")) > server.drain_delay_s + server.grace_period_s


def value_of(key: str) -> str:
    """What the unit says of `key`."""
    [value] = re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert isinstance(value, str)
    return value


def analyze(*arguments: str | Path) -> str:
    """What systemd-analyze says to what it finds nothing wrong with."""
    command: list[str | Path] = [require_tool("systemd-analyze"), "--no-pager", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr
