"""Containers by other OCI runtimes than the runner's own, in the same words (root)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cgroups import hierarchies
from runner.containers import ending, records, status
from runner.containers.settings import Resources
from tests.requirements import require_tool
from tests.runner.containers.commands import IMAGE, Commands, kill
from tests.runner.containers.sites import Site, cgroups, hear_until
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

# crun refuses a host with both versions of cgroups; the virtual machine of `tests/emulation` has one.
RUNTIMES = ["runc"] if hierarchies.detect().mode == "hybrid" else ["runc", "crun"]
TRAP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_container_lives_by_another_runtime(site: Site, name: str) -> None:
    runtime = str(require_tool(name))

    printed = site.run("sh", "-c", "echo out; echo err >&2; exit 3", runtime=runtime)
    limits = Resources(memory=32 << 20)
    container = site.create("sh", "-c", TRAP, name="web", runtime=runtime, resources=limits)
    with site.started(container) as monitor:
        hear_until(monitor.end, b"ready\n")
        within = execute(site, "web", "cat", "/proc/1/comm")
        terminal = execute(site, "-t", "web", "tty")
        execute(site, "-dt", "web", "sleep", "100")
        ending.stop(site.place(container), container.settings)
        ended = records.outcome(site.place(container))
        state = status.of(site.place(container))
    ending.discard(site.folders, site.place(container), force=False, with_volumes=False)

    assert printed == (b"out\n", b"err\n", 3)
    assert (within, terminal) == ("sh\n", "/dev/pts/0\r\n")
    assert ended is not None
    assert (state, ended.exit_code) == (status.EXITED, 3)
    assert cgroups(container.id) == []


def execute(site: Site, *words: str) -> str:
    """What `runner exec` prints."""
    places = ["--root", site.folders.root, "--state", site.folders.state]
    command = [sys.executable, "-m", "runner.cli.main", *places, "exec", *words]
    # As a text, it would have no carriage returns.
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


@pytest.mark.tool("nft")
@pytest.mark.tool("ip")
@pytest.mark.parametrize("name", RUNTIMES)
def test_another_runtime_is_chosen_by_its_name_from_where_one_is(runner: Commands, name: str) -> None:
    runtime = os.path.relpath(require_tool(name))
    chosen = ("--runtime", runtime, "--network", "none", IMAGE)
    script = "echo out; exit 3"

    assert runner.both("run", "--rm", *chosen, "sh", "-c", script, status=3)[0] == "out\n"
    assert "not found" in runner.complaint("run", "--rm", *chosen, "nothing", status=127)
    runner("run", "-d", "--name", "web", *chosen, "sleep", "100")
    kill(*runner.monitors().values())
    until(lambda: runner("ps", "-a", "--format", "{{.State}}") == "exited\n")


@pytest.mark.tool("nft")
@pytest.mark.tool("ip")
def test_a_container_whose_runtime_has_gone_is_removed_all_the_same(runner: Commands, tmp_path: Path) -> None:
    runtime = tmp_path / "runc"
    runtime.symlink_to(require_tool("runc"))
    made = runner("run", "-d", "--name", "web", "--runtime", str(runtime), "--network", "none", IMAGE, "sleep", "100")
    runtime.unlink()

    assert "unknown runtime" in runner.complaint("create", "--runtime", str(runtime), IMAGE)
    assert runner("rm", "--force", "web") == "web\n"

    assert runner("ps", "--all", "--quiet") == ""
    # Runc makes them in hierarchies without a controller as well.
    assert cgroups(made.strip()) == []
