"""A container's start loads these modules: they may load next to nothing else."""

import subprocess
import sys
from pathlib import Path

import runner

ROOT = str(Path(runner.__file__).parent.parent)
PROGRAM = """
import sys
sys.path.insert(0, {root!r})
before = set(sys.modules)
import {modules}
print(*(set(sys.modules) - before))
"""


def loaded_by(modules: str) -> set[str]:
    """What importing loads beside modules of ours."""
    command = [sys.executable, "-I", "-S", "-c", PROGRAM.format(root=ROOT, modules=modules)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return {name for name in loaded if not name.startswith(("runner", "oci_spec"))}


def test_a_container_is_connected_with_what_its_start_loads_anyway() -> None:
    wanted = loaded_by("json, os, ctypes, _socket, struct, fcntl, errno")

    assert loaded_by("runner.network.networks, runner.network.files") <= wanted | {"__future__"}
