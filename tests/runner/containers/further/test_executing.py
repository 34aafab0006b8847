"""Further programs in containers that run, as `runner exec` executes them (root)."""

import _socket
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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from runner.cgroups import group, hierarchies
from runner.containers import ending, finding, liveness, reaching
from runner.containers.errors import ContainerNotRunning
from runner.containers.folders import GONE, Place
from runner.containers.settings import HOST, Namespaces, Security, Ulimit
from tests.runner.containers.sites import Site
from tests.waiting import until

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
    )
    assert done.returncode == status, done.stdout
    return done.stdout


@pytest.fixture(params=["monitor", "runtime"])
def box(site: Site, request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Makes and starts a container; its name. What is executed in it is executed by its monitor, or by the runtime."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> str:
            container = site.create(*SLEEP, name="box", **settings)
            stack.enter_context(site.started(container))
            place = site.place(container)
            # Before its monitor is waited for.
            stack.callback(end, place)
            until(lambda: os.path.exists(f"{place.passing}/exec"))
            if request.param == "runtime":
                os.unlink(f"{place.passing}/exec")
            return "box"

        yield begin


def end(place: Place) -> None:
    with suppress(ContainerNotRunning):
        ending.kill(place, signal.SIGKILL)


served = pytest.mark.parametrize("box", ["monitor"], indirect=True)
"""For what only a monitor's process does."""


def monitor_of(site: Site) -> int:
    pid = liveness.monitor_of(finding.find(site.folders, "box"))
    assert pid is not None
    return pid


def children_of(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def words_of(pid: int) -> bytes:
    """A process's command line; empty where it has gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def servers(site: Site) -> list[int]:
    """The monitor's processes that execute something for somebody: they execute the same file."""
    monitor = monitor_of(site)
    return [child for child in children_of(monitor) if words_of(child) == words_of(monitor)]


@contextmanager
def sleeping(site: Site, name: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Somebody has `sleep` executed in the container: the command, and the program's process, the monitor's child."""
    with subprocess.Popen(command(site, name, "sleep", "100"), stdin=subprocess.DEVNULL) as asking:
        found: list[int] = []

        def is_there() -> bool:
            found[:] = [each for each in children_of(monitor_of(site)) if words_of(each).startswith(b"sleep")]
            return found != []

        until(is_there)
        [program] = found
        try:
            yield asking, program
        finally:
            with suppress(ProcessLookupError):
                os.kill(program, signal.SIGKILL)


@contextmanager
def connected(site: Site, name: str) -> Iterator[tuple[_socket.socket, int]]:
    """A client that has asked for nothing yet, and the monitor's process that waits for that."""
    client = reaching.connect(finding.find(site.folders, name), reaching.EXEC)
    assert client is not None
    try:
        until(lambda: len(servers(site)) == 1)
        yield client, servers(site)[0]
    finally:
        client.close()


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
    execute(site, name, "sh", "-c", "echo nonsense > /tmp/nonsense; chmod 755 /tmp/nonsense")
    assert "exec format error" in execute(site, name, "/tmp/nonsense", status=126)
    assert "No such container" in execute(site, "nobody", "true", status=1)
    assert "no matching entries" in execute(site, "-u", "nobody", name, "true", status=126)
    assert "chdir" in execute(site, "-w", "/missing", name, "true", status=126)


def test_in_a_container_that_does_not_run_nothing_is_executed(site: Site) -> None:
    container = site.create("true")

    assert f"container {container.name} is not running" in execute(site, container.name, "true", status=1)


def test_in_a_container_that_is_paused_nothing_is_executed(site: Site, box: Callable[..., str]) -> None:
    name = box()
    cgroup = group.find(hierarchies.detect(), finding.find(site.folders, name).cgroup)
    cgroup.freeze()
    try:
        assert "it is paused" in execute(site, name, "true", status=1)
    finally:
        cgroup.thaw()


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

    assert (running.stdout.read(), running.wait(90)) == ("caught\n", 5)
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
    deadline = time.monotonic() + 90
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
        assert process.wait(90) == 3


def test_a_program_that_is_let_go_has_its_terminal_as_long_as_it_needs_it(site: Site, box: Callable[..., str]) -> None:
    script = "echo much is said; exec sh -c 'while :; do echo $(tty) > /said; sleep 0.05; done'"
    name = box()

    assert execute(site, "-dt", name, "sh", "-c", script) == ""

    until(lambda: execute(site, name, "sh", "-c", "cat /said; true").splitlines()[-1:] == ["/dev/pts/0"])
    assert "not found" in execute(site, "-dt", name, "not-there", status=127)


def test_a_terminal_that_is_not_one_is_refused(site: Site, box: Callable[..., str]) -> None:
    assert "the input device is not a TTY" in execute(site, "-it", box(), "true", status=1)


def test_a_program_in_a_terminal_that_cannot_be_executed_gives_the_terminal_back(
    site: Site, box: Callable[..., str]
) -> None:
    with in_a_terminal(command(site, "-it", box(), "not-there")) as (_, process):
        assert process.wait(90) == 127


def test_where_there_are_no_terminals_that_is_told(site: Site, box: Callable[..., str]) -> None:
    name = box(security=Security(privileged=True))
    execute(site, name, "umount", "/dev/pts")

    for flags in ("-t", "-dt"):
        assert "'/dev/pts/ptmx': No such file or directory" in execute(site, flags, name, "true", status=127)


def test_a_stream_that_is_closed_is_an_empty_one_to_the_program(site: Site, box: Callable[..., str]) -> None:
    words = command(site, "-i", box(), "sh", "-c", "cat; echo end")

    done = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *words], check=True, capture_output=True, timeout=60)

    assert done.stdout == b"end\n"


def test_a_long_command_line_reaches_the_program(site: Site, box: Callable[..., str]) -> None:
    words = [letter * 100_000 for letter in "abcde"]

    assert execute(site, box(), "sh", "-c", 'echo "$*" | wc -c', "sh", *words).strip() == "500005"


def test_what_a_program_leaves_behind_is_buried(site: Site, box: Callable[..., str]) -> None:
    name = box()

    execute(site, name, "sh", "-c", "sleep 0.2 & exit 3", status=3)
    execute(site, "-d", name, "sleep", "0.2")

    until(lambda: len(children_of(monitor_of(site))) == 1)


@served
def test_a_process_of_the_monitors_has_nothing_open_that_is_the_monitors(site: Site, box: Callable[..., str]) -> None:
    """CVE-2024-21626: what it has open the program might get, if it could get at it."""
    name = box()
    with sleeping(site, name), connected(site, name) as (_, server):

        def opened() -> list[str]:
            found = []
            for entry in os.scandir(f"/proc/{server}/fd"):
                # One may be closed meanwhile.
                with suppress(FileNotFoundError):
                    found += [os.readlink(entry.path)] if int(entry.name) > 2 else []
            return sorted(text.partition(":")[0] for text in found)

        # The container's first process, its client, and the monitor, which is to know of the program's process.
        until(lambda: opened() == ["anon_inode", "socket", "socket"])


@served
def test_the_file_that_a_process_of_the_monitors_executes_can_not_be_written_to(
    site: Site, box: Callable[..., str]
) -> None:
    """CVE-2019-5736: it is opened through /proc/PID/exe while the process is not the program yet."""
    with connected(site, box()) as (_, server):
        descriptor = os.open(f"/proc/{server}/exe", os.O_RDONLY)

    try:
        # To open it for writing would be refused now in any case, for the monitor executes it.
        assert os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
        with pytest.raises(OSError, match="Read-only file system"):
            os.chmod(f"/proc/self/fd/{descriptor}", 0o777)
    finally:
        os.close(descriptor)


@served
def test_a_program_in_the_container_can_not_write_to_the_file_that_executes_others(
    site: Site, box: Callable[..., str]
) -> None:
    """CVE-2019-5736: with all rights, it waits for the process that enters the container."""
    script = (
        "while [ ! -e /stop ]; do for exe in /proc/[0-9]*/exe; do\n"
        "  case $(readlink $exe) in *python*) exec 9<$exe && echo caught >> /caught && { echo x >> /proc/self/fd/9; } "
        "2>> /refused; exec 9<&-;; esac\n"
        "done; done\n"
    )
    name = box(security=Security(privileged=True))
    interpreter = Path(f"/proc/{monitor_of(site)}/exe").resolve()
    before = interpreter.stat().st_size, interpreter.stat().st_mtime_ns
    execute(site, "-d", name, "sh", "-c", script)

    for _ in range(8):
        execute(site, name, "true")
    execute(site, name, "touch", "/stop")
    until(lambda: len(children_of(monitor_of(site))) == 1)

    assert (interpreter.stat().st_size, interpreter.stat().st_mtime_ns) == before
    told = execute(site, name, "sh", "-c", "if [ -e /caught ]; then cat /refused; else echo not caught; fi")
    assert "Read-only file system" in told or told == "not caught\n"


@served
def test_a_process_of_the_monitors_that_is_killed_is_told_and_the_container_goes_on(
    site: Site, box: Callable[..., str]
) -> None:
    name = box()
    with connected(site, name) as (client, server):
        os.kill(server, signal.SIGKILL)
        assert client.recv(1) == b""

    assert execute(site, name, "echo", "on") == "on\n"


def test_a_program_that_is_killed_is_told_and_the_container_goes_on(site: Site, box: Callable[..., str]) -> None:
    name = box()

    execute(site, name, "sh", "-c", "kill -KILL $$", status=137)

    assert execute(site, name, "echo", "on") == "on\n"


@served
@pytest.mark.parametrize("namespaces", [Namespaces(), Namespaces(pid=HOST)], ids=["own", "host"])
def test_whoever_waits_for_a_program_is_told_that_it_ends_with_its_container(
    site: Site, box: Callable[..., str], namespaces: Namespaces
) -> None:
    name = box(namespaces=namespaces)
    with sleeping(site, name) as (asking, _):
        ending.kill(finding.find(site.folders, name), signal.SIGKILL)
        assert asking.wait(30) == 137


def test_what_killed_commands_have_left_is_cleared_away_meanwhile(site: Site, box: Callable[..., str]) -> None:
    name = box()
    left = Path(site.folders.containers, f"{GONE}{'a' * 64}")
    left.mkdir()
    (left / "lock").touch()

    execute(site, name, "true")

    assert not left.exists()


@served
def test_many_programs_at_once_are_told_apart(site: Site, box: Callable[..., str]) -> None:
    name = box()
    words = [command(site, name, "sh", "-c", f"echo {number}; exit {number}") for number in range(6)]

    asking = [subprocess.Popen(each, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for each in words]

    told = [(each.communicate(timeout=60)[0], each.returncode) for each in asking]
    assert told == [(b"%d\n" % number, number) for number in range(6)]


@served
def test_a_program_outlives_the_command_that_has_it_executed(site: Site, box: Callable[..., str]) -> None:
    with sleeping(site, box()) as (asking, program):
        asking.kill()
        asking.wait()
        assert program in children_of(monitor_of(site))

    until(lambda: len(children_of(monitor_of(site))) == 1)


@served
def test_a_monitor_is_as_small_when_it_has_executed_something(site: Site, box: Callable[..., str]) -> None:
    name = box()
    for _ in range(3):
        execute(site, name, "true")
    until(lambda: servers(site) == [])

    rollup = Path(f"/proc/{monitor_of(site)}/smaps_rollup").read_text()

    assert next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) <= 10 * 1024


@served
def test_who_asks_for_nothing_or_nonsense_disturbs_nobody(site: Site, box: Callable[..., str]) -> None:
    name = box()
    place = finding.find(site.folders, name)
    for message in (b"", b"x", b"r"):
        end = reaching.connect(place, reaching.EXEC)
        assert end is not None
        if message:
            end.send(message)
            assert b"Protocol error" in end.recv(4096)
        end.close()

    assert execute(site, name, "echo", "on") == "on\n"
    until(lambda: servers(site) == [])
