"""The run's own rules: what is missing is named, and in CI a skip is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import find_tool, require_tool

ROOT = Path(__file__).parent.parent
SKIPPING_TEST = """
import pytest
from tests.requirements import require_tool

def test_that_needs_a_program():
    require_tool("moorage-no-such-program")

@pytest.mark.tool("moorage-no-such-daemon")
def test_that_is_marked():
    pass
"""


def test_a_missing_program_is_named() -> None:
    with pytest.raises(pytest.skip.Exception, match="moorage-no-such-program is not installed"):
        require_tool("moorage-no-such-program")


def test_a_pinned_program_goes_before_the_systems_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = tmp_path / "bin" / "sh"
    pinned.parent.mkdir()
    pinned.write_text("#!/bin/sh\n")
    pinned.chmod(0o755)
    monkeypatch.setenv("MOORAGE_TOOLS", str(tmp_path))

    found = find_tool("sh")

    assert found == pinned


def test_a_skip_names_its_reason_and_passes_on_a_developers_machine(tmp_path: Path) -> None:
    run = _run(tmp_path, SKIPPING_TEST, ci="")

    assert run.returncode == 0
    assert "2 skipped" in run.stdout
    assert "moorage-no-such-program is not installed" in run.stdout
    assert "moorage-no-such-daemon is not installed" in run.stdout


def test_a_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    run = _run(tmp_path, SKIPPING_TEST, ci="true")

    assert run.returncode == 1
    assert "skipped" in run.stdout
    assert "1 failed, 1 error" in run.stdout or "2 failed" in run.stdout
    assert "moorage-no-such-program is not installed" in run.stdout


def test_a_module_that_skips_itself_is_a_failure_in_ci(tmp_path: Path) -> None:
    run = _run(tmp_path, 'import pytest\npytest.importorskip("moorage_no_such_module")\n', ci="true")

    assert run.returncode != 0
    assert "moorage_no_such_module" in run.stdout


def _run(directory: Path, module: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    # Below a copy of the run's conftest, so that nothing is written into the tree.
    (directory / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (directory / "test_sample.py").write_text(module)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [*command, "--rootdir", str(directory), str(directory)],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
