"""The validation suite of opencontainers/runtime-tools: all that passes with runc on this machine passes here (root).

Runc is the measure because no host lets all of it pass: some programs want a cgroup controller or a security module.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.requirements import require_tool
from tests.runner.oci.bundles import COMMAND

pytestmark = [
    pytest.mark.root,
    pytest.mark.long,
    pytest.mark.tool("runc"),
    pytest.mark.tool("runtimetest"),
    pytest.mark.tool("unshare"),
    pytest.mark.timeout(900),
]

_PASSED = re.compile(r"^\s*ok \d+ - (.*)$", re.MULTILINE)
_PROGRAM_TIMEOUT_S = 120
# Most of them wait most of the time, for what a container will not do, too.
_AT_ONCE = 6
# All of these use one cgroup, and one name for it.
_ONE_AT_A_TIME = ("linux_cgroups_", "delete_resources", "delete_only_create_resources")


class Suite:
    """The programs, and a directory in which they find what they need."""

    def __init__(self, place: Path, home: Path) -> None:
        self._place = place
        self._home = home
        self._bundles = home / "bundles"
        self._bundles.mkdir()
        for path in [place / "runtimetest", *place.glob("rootfs-*.tar.gz")]:
            shutil.copy(path, home)

    def programs(self) -> list[str]:
        return sorted(
            path.name
            for path in self._place.iterdir()
            if os.access(path, os.X_OK) and path.name not in {"runtimetest", "oci-runtime-tool"}
        )

    def passed(self, program: str, runtime: Path) -> tuple[Counter[str], bool]:
        """What passes with a runtime, by its description, and whether the program as a whole does.

        Some leave their bundles behind, and a container without a mount namespace of its own leaves its mounts where it
        ran: with any runtime. So each program has a namespace that ends with it.
        """
        done = subprocess.run(
            [require_tool("unshare"), "--mount", self._place / program],
            check=False,
            cwd=self._home,
            env={**os.environ, "RUNTIME": str(runtime), "TMPDIR": str(self._bundles)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=_PROGRAM_TIMEOUT_S,
        )
        return Counter(_PASSED.findall(done.stdout)), done.returncode == 0


def test_all_that_passes_with_runc_passes(tmp_path: Path) -> None:
    suite = Suite(require_tool("runtimetest").resolve().parent, tmp_path)
    ours = tmp_path / "runner-oci"
    ours.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} --root {tmp_path}/state "$@"\n')
    ours.chmod(0o755)
    runc = require_tool("runc")

    def compare(program: str) -> list[str]:
        expected, whole = suite.passed(program, runc)
        found, found_whole = suite.passed(program, ours)
        lost = [f"{program}: {text}" for text in (expected - found).elements()]
        return [*lost, *([f"{program}: exit status"] if whole and not found_whole else [])]

    programs = suite.programs()
    alone = [program for program in programs if program.startswith(_ONE_AT_A_TIME)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        one_by_one = pool.submit(lambda: [text for program in alone for text in compare(program)])
        lost = [text for texts in pool.map(compare, sorted(set(programs) - set(alone))) for text in texts]
        lost += one_by_one.result()

    assert len(programs) > 50
    assert lost == []
