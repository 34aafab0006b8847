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


def test_reading_and_compiling_load_nothing_but_their_siblings() -> None:
    assert loaded_by("runner.seccomp.profile, runner.seccomp.compiler") <= {"__future__"}


def test_the_default_profile_loads_nothing_but_its_siblings() -> None:
    assert loaded_by("runner.seccomp.default, runner.seccomp.engine_format") <= {"__future__", "errno"}


def test_a_remembered_program_needs_no_more_than_its_configuration_and_the_kernel() -> None:
    wanted = loaded_by("json, os, ctypes, _blake2, errno")

    assert loaded_by("runner.seccomp.preparation, runner.seccomp.loading") <= wanted | {"__future__"}
