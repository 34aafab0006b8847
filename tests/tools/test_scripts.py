"""The shell scripts are free of what ShellCheck knows to go wrong."""

import subprocess
from pathlib import Path

import pytest

from tests.requirements import require_tool

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.tool("shellcheck")
@pytest.mark.parametrize("script", [".ci/run", "tests/emulation/guest", "tests/emulation/init", "tests/tools/install"])
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    run = subprocess.run([require_tool("shellcheck"), ROOT / script], capture_output=True, text=True, check=False)

    assert run.stdout == ""
    assert run.returncode == 0
