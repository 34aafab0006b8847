"""`runner --explain run` tells each step with what is really so, and changes nothing of what is run (root)."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.requirements import require_tool
from tests.runner.oci.bundles import make_rootfs

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

STEPS = [
    "The image", "The layers", "The root file system", "The mounts in it", "The namespaces", "The cgroup",
    "The network", "The new root", "The rights", "The program",
]  # fmt: skip

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    require_tool("busybox")
    home = tmp_path_factory.mktemp("explaining")
    make_rootfs(home / "rootfs")

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        places = ["--root", str(home / "root"), "--state", str(home / "state")]
        return subprocess.run(
            [sys.executable, "-m", "runner.cli.main", *places, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    imported = run("import", "--change", "ENV PATH=/bin", str(home / "rootfs"), "box:1")
    assert imported.returncode == 0, imported.stderr
    return run


def test_each_step_is_told_in_its_order(run: Run) -> None:
    done = run(
        "--explain", "run", "--rm", "--network=none", "-m", "64m", "-u", "7", "box:1", "sh", "-c", "echo said; exit 3"
    )

    assert (done.stdout, done.returncode) == ("said\n", 3)
    told = done.stderr.splitlines()
    assert [line for line in told if not line.startswith(" ")] == [f"{at}. {step}" for at, step in enumerate(STEPS, 1)]
    text = done.stderr
    assert "box:1 is in" in text
    assert "→ sha256:" in text
    assert "upperdir  " in text
    assert f"{64 << 20}" in text
    assert "/proc/kcore" in text
    assert "net_bind_service" in text
    assert "as user 7 and group 0" in text
    assert "PATH=/bin" in text


def test_what_is_shared_with_the_host_is_told(run: Run) -> None:
    done = run(
        "--explain", "run", "--rm", "--network=host", "--pid=host", "--security-opt=seccomp=unconfined", "box:1", "true"
    )

    assert done.returncode == 0, done.stderr
    assert "the host's own" in done.stderr
    assert "the host's: user, network, pid, time" in done.stderr
    assert "no filter of system calls" in done.stderr


def test_an_image_that_is_not_here_is_told_of_before_it_is_looked_for(run: Run) -> None:
    done = run("--explain", "run", "--pull=never", "nothing:1")

    assert done.returncode == 125
    assert "nothing:1 is not in" in done.stderr


def test_other_commands_have_no_steps_to_tell(run: Run) -> None:
    done = run("--explain", "ps")

    assert done.returncode == 125
    assert "of no other command" in done.stderr


def test_who_does_not_ask_is_told_nothing(run: Run) -> None:
    assert run("run", "--rm", "--network=none", "box:1", "true").stderr == ""


def test_the_page_tells_of_it() -> None:
    page = (Path(__file__).parents[3] / "docs/runner.md").read_text()

    assert "`--explain`" in page
