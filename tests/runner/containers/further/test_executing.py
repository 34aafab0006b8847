"""Further programs in containers that run, as `runner exec` executes them (root)."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.containers import ending
from runner.containers.settings import Security, Ulimit
from tests.runner.containers.sites import Site

pytestmark = pytest.mark.root

SLEEP = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")


def command(site: Site, *words: str) -> list[str]:
    places = ["--root", site.folders.root, "--state", site.folders.state]
    return [sys.executable, "-m", "runner.cli.main", *places, "exec", *words]


def execute(site: Site, *words: str, status: int = 0, given: str = "") -> str:
    """Both streams of `runner exec`."""
    done = subprocess.run(
        command(site, *words),
        check=False,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.fixture
def box(site: Site) -> Iterator[Callable[..., str]]:
    """Makes and starts a container; its name."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> str:
            container = site.create(*SLEEP, name="box", **settings)
            stack.enter_context(site.started(container))
            # Before its monitor is waited for.
            stack.callback(ending.kill, site.place(container), signal.SIGKILL)
            return "box"

        yield begin


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_output_and_status_of_a_program_are_the_commands(site: Site, box: Callable[..., str]) -> None:
    name = box(environment=("PATH=/bin", "A=1", "B=2"), hostname="inside")

    printed = execute(site, "-e", "C=3", "-w", "/tmp", name, "sh", "-c", "echo $A$B$C; pwd; hostname; exit 7", status=7)

    assert printed.split() == ["123", "/tmp", "inside"]
    assert execute(site, "-i", name, "cat", given="typed") == "typed"
    assert execute(site, name, "cat", given="typed") == ""


def test_a_program_has_the_limits_and_rights_of_its_container(site: Site, box: Callable[..., str]) -> None:
    security = Security(no_new_privileges=True, capabilities_dropped=("ALL",), capabilities_added=("CAP_KILL",))
    name = box(security=security, ulimits=(Ulimit("nofile", 50, 50),))
    script = "grep -E '^(CapEff|CapInh|NoNewPrivs|Seccomp):' /proc/self/status; ulimit -n;"
    script += "cat /proc/1/cgroup > /tmp/one;"

    printed = execute(site, name, "sh", "-c", script + "cat /proc/self/cgroup | cmp - /tmp/one && ls /proc/self/fd")

    lines = printed.split("\n")
    assert [line.split()[1] for line in lines[:4]] == ["0" * 16, f"{1 << 5:016x}", "1", "2"]
    assert lines[4] == "50"
    # The fourth is the directory that ls reads.
    assert lines[5:-1] == ["0", "1", "2", "3"]


def test_a_program_may_be_anothers_and_may_have_more_rights(site: Site, box: Callable[..., str]) -> None:
    name = box(user="7:8", added_groups=("9",))

    assert execute(site, name, "sh", "-c", "id -u; id -G").split() == ["7", "8", "9"]
    assert execute(site, "-u", "0", name, "id", "-u").strip() == "0"
    status = execute(site, "--privileged", "-u", "0", name, "grep", "CapEff", "/proc/self/status")
    assert int(status.split()[1], 16) & 1 << 21


def test_a_program_that_cannot_be_executed_is_told_by_dockers_numbers(site: Site, box: Callable[..., str]) -> None:
    name = box()

    assert "not-there" in execute(site, name, "not-there", status=127)
    assert execute(site, name, "/etc", status=126)
    assert "No such container" in execute(site, "nobody", "true", status=1)
    assert "no matching entries" in execute(site, "-u", "nobody", name, "true", status=1)


def test_in_a_container_that_does_not_run_nothing_is_executed(site: Site) -> None:
    container = site.create("true")

    assert f"container {container.name} is not running" in execute(site, container.name, "true", status=1)


def test_a_program_that_is_let_go_goes_on(site: Site, box: Callable[..., str]) -> None:
    name = box()
    root = Path(site.folders.containers)

    assert execute(site, "-d", name, "sh", "-c", "sleep 0.2; echo done > /tmp/done") == ""

    until(lambda: any(path.read_text() == "done\n" for path in root.glob("*/upper/tmp/done")))


def test_a_signal_to_the_command_reaches_the_program(site: Site, box: Callable[..., str]) -> None:
    script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.02; done"
    running = subprocess.Popen(command(site, box(), "sh", "-c", script), stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"

    running.send_signal(signal.SIGTERM)

    assert (running.stdout.read(), running.wait(30)) == ("caught\n", 5)
    running.stdout.close()


@contextmanager
def in_a_terminal(words: list[str]) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    try:
        yield master, process
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(master: int, text: bytes) -> bytes:
    said = b""
    deadline = time.monotonic() + 30
    while text not in said:
        assert select.select([master], [], [], deadline - time.monotonic())[0], said
        said += os.read(master, 4096)
    return said


def test_a_terminal_is_carried_with_its_size_and_what_is_typed(site: Site, box: Callable[..., str]) -> None:
    script = "stty size; tty; read line; echo got $line; exit 3"
    with in_a_terminal(command(site, "-it", box(), "sh", "-c", script)) as (master, process):
        assert b"30 90" in read_until(master, b"/dev/pts/")

        os.write(master, b"words\r")

        assert b"got words" in read_until(master, b"got words")
        assert process.wait(30) == 3


def test_a_terminal_that_is_not_one_is_refused(site: Site, box: Callable[..., str]) -> None:
    assert "the input device is not a TTY" in execute(site, "-it", box(), "true", status=1)


def test_a_program_in_a_terminal_that_cannot_be_executed_gives_the_terminal_back(
    site: Site, box: Callable[..., str]
) -> None:
    with in_a_terminal(command(site, "-it", box(), "not-there")) as (_, process):
        assert process.wait(30) == 127
