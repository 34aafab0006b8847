"""Running the command line as its users do: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
    """Run `registry` with these arguments in `folder`, with no variables of ours but `environment`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    ended = subprocess.run(
        [sys.executable, "-c", "from registry.cli.main import main; main()", *arguments],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
