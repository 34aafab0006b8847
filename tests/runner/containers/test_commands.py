"""Containers by the command line, in docker's words (root)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from runner.bundles import facts, init_program
from runner.bundles.resources import resources
from runner.cgroups import hierarchies
from runner.containers.settings import Resources
from tests.requirements import require_tool
from tests.runner.containers.commands import IMAGE, Commands, kill
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox"), pytest.mark.tool("nft"), pytest.mark.tool("ip")]

QUIET = ("--network", "none")
TRAP = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.02; done"


def test_run_gives_both_streams_and_the_status_of_the_program(runner: Commands) -> None:
    printed = runner.both("run", "--rm", *QUIET, IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7", status=7)

    assert printed == ("out\n", "err\n")
    assert runner("ps", "--all", "--quiet") == ""


def test_what_is_typed_goes_to_the_container_only_with_interactive(runner: Commands) -> None:
    assert runner("run", "--rm", "-i", *QUIET, IMAGE, "cat", given="words\n") == "words\n"
    assert runner("run", "--rm", *QUIET, IMAGE, "cat", given="words\n") == ""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_standard_stream_is_an_empty_one(runner: Commands, closed: str) -> None:
    words = runner.command("run", "--rm", "-i", *QUIET, IMAGE, "sh", "-c", "cat; echo out; echo err >&2; exit 3")

    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *words], check=False, stdin=subprocess.DEVNULL, timeout=60
    )

    assert done.returncode == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nothing"], 127, "executable file not found in $PATH"),
        (["/tmp"], 126, "is a directory"),
    ],
)
def test_a_program_that_cannot_be_executed_is_told_as_docker_tells_it(
    runner: Commands, words: list[str], status: int, said: str
) -> None:
    assert said in runner.complaint("run", "--rm", *QUIET, IMAGE, *words, status=status)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pull", "never", "nobody/nothing"], "No such image"),
        (["localhost:1/x"], "localhost:1"),
        (["--bogus", IMAGE], "unknown flag: --bogus"),
        (["--gpus", "all", IMAGE], "--gpus is a flag of docker's"),
        (["--user", "nobody", IMAGE, "true"], "unable to find"),
        (["--runtime", "nothing", IMAGE, "true"], "unknown runtime 'nothing'"),
        (["--runtime", "/bin/false", IMAGE, "true"], "/bin/false: create ended with status 1"),
        (["-t", "-i", IMAGE], "the input device is not a TTY"),
    ],
)
def test_what_cannot_be_run_ends_with_125_and_leaves_nothing(runner: Commands, words: list[str], said: str) -> None:
    status = 1 if "-t" in words else 125

    assert said in runner.complaint("run", "--rm", *words, status=status)
    assert runner("ps", "--all", "--quiet") == ""


def test_a_container_in_the_background_is_listed_logged_stopped_and_removed(runner: Commands) -> None:
    identity = runner("run", "-d", "--name", "web", *QUIET, IMAGE, "sh", "-c", TRAP).strip()
    until(lambda: runner("logs", "web") == "ready\n")
    listed = runner("ps", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.State}} {{.Status}}")

    runner("stop", "web")

    assert listed.startswith(f"{identity[:12]} {IMAGE} web running Up ")
    assert runner("ps", "--quiet") == ""
    assert runner("ps", "--all", "--format", "{{.Names}} {{.Status}}").startswith("web Exited (3) ")
    assert runner("wait", "web") == "3\n"
    assert runner("rm", "web") == "web\n"
    assert "No such container: web" in runner.complaint("rm", "web")
    assert runner("rm", "--force", "web") == ""


def test_create_and_start_are_what_run_is_in_two(runner: Commands) -> None:
    runner("create", "--name", "two", *QUIET, IMAGE, "sh", "-c", "echo said; exit 4")

    assert runner("ps", "--all", "--format", "{{.Status}}") == "Created\n"
    for _ in range(2):
        assert runner("start", "--attach", "two", status=4) == "said\n"
    assert runner("logs", "two") == "said\nsaid\n"


def test_start_tells_what_it_did_not_start(runner: Commands) -> None:
    runner("create", "--name", "wrong", *QUIET, IMAGE, "nothing")

    assert "executable file not found" in runner.complaint("start", "wrong")
    assert runner("ps", "--all", "--format", "{{.Status}}") == "Created\n"
    assert runner.inspect("wrong")["State"]["ExitCode"] == 127


def test_signals_to_the_command_reach_the_container(runner: Commands) -> None:
    with runner.begun("run", "--rm", *QUIET, IMAGE, "sh", "-c", TRAP) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)

        assert process.wait(90) == 3


def test_a_killed_command_leaves_its_container_running(runner: Commands) -> None:
    script = "trap 'exit 3' TERM; while :; do echo ready; sleep 0.02; done"
    with runner.begun("run", "--name", "web", *QUIET, IMAGE, "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
        process.wait()

    assert runner("ps", "--format", "{{.Names}}") == "web\n"
    with runner.begun("attach", "--no-stdin", "web") as process:
        assert process.stdout is not None
        # Only now is it attached for sure.
        assert process.stdout.readline() == "ready\n"
        runner("kill", "--signal", "TERM", "web")
        assert process.wait(90) == 3


def test_a_killed_monitor_is_told_to_who_waits_and_its_container_has_exited(runner: Commands) -> None:
    with runner.begun("run", "--name", "web", *QUIET, IMAGE, "sh", "-c", TRAP) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        kill(*runner.monitors().values())

        assert process.wait(90) == 137
        assert "ended without a word" in process.stderr.read()

    assert runner("ps", "--all", "--format", "{{.Names}} {{.State}} {{.Status}}").startswith("web exited Exited (137)")


def read_until(terminal: int, text: bytes) -> bytes:
    said = b""
    while text not in said:
        said += os.read(terminal, 4096)
    return said


def test_a_container_has_neither_the_directory_nor_the_mask_of_who_starts_it(runner: Commands, tmp_path: Path) -> None:
    # Who is not root sees its files only if those have the usual rights.
    script = "umask; cat /etc/hosts >/dev/null && ls / >/dev/null && echo seen; sleep 100"
    words = runner.command("run", "-d", "--name", "web", "--user", "1000", *QUIET, IMAGE, "sh", "-c", script)
    subprocess.run(words, check=True, cwd=tmp_path, umask=0o077, stdout=subprocess.DEVNULL)

    until(lambda: runner("logs", "web") == "0022\nseen\n")
    (monitor,) = runner.monitors().values()
    assert os.readlink(f"/proc/{monitor}/cwd") == "/"


def test_a_terminal_can_be_left_and_come_back_to(runner: Commands) -> None:
    script = "read line; echo first $line; read line; echo second $line; tty; exit 5"
    with runner.at_terminal("run", "-it", "--name", "web", *QUIET, IMAGE, "sh", "-c", script) as (process, terminal):
        os.write(terminal, b"one\r")
        read_until(terminal, b"first one\r\n")
        os.write(terminal, b"\x10\x11")
        assert process.wait(90) == 0
        read_until(terminal, b"read escape sequence")
    assert runner("ps", "--format", "{{.Names}}") == "web\n"

    with runner.at_terminal("attach", "--detach-keys", "ctrl-x", "web") as (process, terminal):
        os.write(terminal, b"two\r")
        assert b"/dev/pts/0" in read_until(terminal, b"/dev/pts/0")
        assert process.wait(90) == 5


def test_who_comes_back_to_a_terminal_has_it_drawn_anew(runner: Commands) -> None:
    script = "trap 'stty size; echo drawn' WINCH; while :; do sleep 0.02; done"
    runner("run", "-dit", "--name", "web", *QUIET, IMAGE, "sh", "-c", script)

    for _ in range(2):
        with runner.at_terminal("attach", "web") as (process, terminal):
            assert b"24 80\r\ndrawn" in read_until(terminal, b"24 80\r\ndrawn")
            os.write(terminal, b"\x10\x11")
            assert process.wait(30) == 0


def test_a_published_port_is_reached_and_told(runner: Commands) -> None:
    script = "mkdir /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www"
    runner("run", "-d", "--name", "web", "-p", "8080:80", IMAGE, "sh", "-c", script)
    reached = [*runner.in_network(), str(require_tool("busybox")), "wget", "-qO-", "http://127.0.0.1:8080/"]

    until(lambda: subprocess.run(reached, check=False, capture_output=True).stdout == b"hello\n")
    assert runner("ps", "--format", "{{.Ports}}") == "0.0.0.0:8080->80/tcp\n"
    assert len(runner.published()) == 1
    check_filters_of_ports(runner)
    settings = runner.inspect("web")["NetworkSettings"]
    assert settings["Ports"] == {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}
    assert f"{settings['IPAddress']}\t" in Path(runner.inspect("web")["HostsPath"]).read_text()
    assert "8080" in runner.complaint("run", "--rm", "-p", "8080:80", IMAGE, "true", status=125)
    runner("rm", "--force", "web")
    assert runner.published() == []
    assert runner("run", "--rm", "-p", "8080:80", IMAGE, "echo", "again") == "again\n"


def check_filters_of_ports(runner: Commands) -> None:
    """As docker 28 filters one container that has a published port: `web`, 8080:80."""

    def found(*filters: str) -> bool:
        words = [word for each in filters for word in ("--filter", each)]
        return runner("ps", "--format", "{{.Names}}", *words) == "web\n"

    for value in ("publish=8080", "publish=8000-9000/tcp", "expose=80", "expose=79-80/tcp", "health=none"):
        assert found(value), value
    for value in ("publish=80", "publish=8080/udp", "expose=8080", "expose=80/sctp", "health=healthy"):
        assert not found(value), value
    assert found("publish=1", "expose=80")
    assert not found("publish=8080", "name=other")
    for value in ("publish=web", "expose=9-1", "health=good"):
        assert f"invalid filter '{value}'" in runner.complaint("ps", "--filter", value)


def test_only_who_has_an_address_has_exposed_ports(runner: Commands) -> None:
    runner("run", "-d", "--name", "web", "--expose", "80", *QUIET, IMAGE, "sleep", "100")

    assert runner("ps", "--format", "{{.Ports}}") == "\n"
    assert runner.inspect("web")["NetworkSettings"]["Ports"] == {}


def test_an_image_is_kept_as_long_as_a_container_of_it_is_there(runner: Commands) -> None:
    runner("tag", IMAGE, "other:1")
    short = runner("images", "--quiet", "other:1").strip()
    identity = runner("create", "--name", "held", *QUIET, "other:1", "true").strip()
    runner("rmi", IMAGE)

    by_name = runner.complaint("rmi", "other:1")
    by_id = runner.complaint("rmi", short)
    runner("image", "prune", "--all", "--force")
    kept = runner("images", "--quiet")
    runner("rmi", "--force", short)

    assert by_name == (
        'Error: conflict: unable to remove repository reference "other:1" (must force) - '
        f"container {identity[:12]} is using its referenced image {short}\n"
    )
    assert by_id == (
        f"Error: conflict: unable to delete {short} (must be forced) - "
        f"image is being used by stopped container {identity[:12]}\n"
    )
    assert kept.strip() == short
    assert runner("images", "--quiet") == ""
    # What it is made of is still there.
    assert runner("start", "--attach", "held") == ""
    runner("rm", "held")
    runner("import", "--change", 'CMD ["/bin/sh"]', "--change", "ENV PATH=/bin", str(runner.home / "rootfs"), IMAGE)


def test_containers_are_filtered_and_shown_as_asked(runner: Commands) -> None:
    runner("create", "--name", "first", "--label", "b=", "--label", "a=1", *QUIET, IMAGE, "true")
    runner("run", "--name", "second", "--label", "c", *QUIET, IMAGE, "sh", "-c", "exit 2", status=2)

    def names(*words: str) -> list[str]:
        return runner("ps", "--format", "{{.Names}}", *words).split()

    assert runner("ps", "-a", "--format", "{{.Labels}}") == "c=\na=1,b=\n"
    assert names() == []
    assert names("-a") == ["second", "first"]
    assert names("-l") == ["second"]
    assert names("-n", "5") == ["second", "first"]
    assert names("-a", "--filter", "label=a=1") == ["first"]
    assert names("-a", "--filter", "label!=a") == ["second"]
    assert names("--filter", "status=created") == ["first"]
    assert names("--filter", "exited=2") == ["second"]
    assert names("-a", "--filter", "name=sec") == ["second"]
    assert names("-a", "--filter", "name=sec", "--filter", "name=fir") == ["second", "first"]
    assert names("-a", "--filter", "name=^/?first$") == names("-a", "--filter", "name=^/first$") == ["first"]
    assert names("-a", "--filter", "name=^irst$") == []
    assert "invalid filter 'name=('" in runner.complaint("ps", "--filter", "name=(")
    assert names("-a", "--filter", f"ancestor={IMAGE}") == ["second", "first"]
    assert names("-a", "--filter", "since=first") == ["second"]
    assert names("-a", "--filter", "before=second") == ["first"]
    assert "invalid filter" in runner.complaint("ps", "--filter", "colour=red")
    head, first, *_ = runner("ps", "-a").splitlines()
    assert head.split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert "\"sh -c 'exit 2'\"" in first
    assert json.loads(runner("ps", "-a", "-l", "--format", "json"))["State"] == "exited"


def test_a_name_is_given_once_and_made_up_where_none_is_given(runner: Commands) -> None:
    identity = runner("create", "--name", "web", *QUIET, IMAGE).strip()

    said = runner.complaint("run", "--name", "web", IMAGE, status=125)

    assert f'The container name "/web" is already in use by container "{identity}"' in said
    runner("create", *QUIET, IMAGE)
    assert "_" in runner("ps", "-l", "--format", "{{.Names}}")


def test_the_last_lines_and_their_times_are_shown_as_asked(runner: Commands) -> None:
    runner("run", "--name", "web", *QUIET, IMAGE, "sh", "-c", "echo one; echo two; echo three >&2")

    assert runner.both("logs", "web") == ("one\ntwo\n", "three\n")
    assert runner.both("logs", "--tail", "2", "web") == ("two\n", "three\n")
    assert runner("logs", "--since", "1h", "web") == "one\ntwo\n"
    assert runner("logs", "--until", "1h", "web") == ""
    assert runner("logs", "--timestamps", "--follow", "web").splitlines()[0].endswith("Z one")


def test_volumes_without_a_name_go_with_their_container(runner: Commands) -> None:
    volumes = Path(runner.folders.volumes)
    runner("run", "--rm", "-v", "/data", "-v", "mine:/mine", *QUIET, IMAGE, "touch", "/data/x", "/mine/x")
    until(lambda: [path.name for path in volumes.iterdir()] == ["mine"])
    runner("create", "--name", "web", "-v", "/data", *QUIET, IMAGE)
    runner("rm", "web")
    kept = [path.name for path in volumes.iterdir()]
    runner("create", "--name", "web", "-v", "/data", *QUIET, IMAGE)
    runner("rm", "--volumes", "web")

    assert len(kept) == 2
    assert [path.name for path in volumes.iterdir()] == kept
    assert runner("run", "--rm", "-v", "mine:/there", *QUIET, IMAGE, "ls", "/there") == "x\n"


def test_the_id_is_written_to_a_file_that_must_not_be_there(runner: Commands, tmp_path: Path) -> None:
    file = tmp_path / "id"

    identity = runner("create", "--cidfile", str(file), *QUIET, IMAGE).strip()

    assert file.read_text() == identity
    assert "container ID file found" in runner.complaint("run", "--cidfile", str(file), IMAGE, status=125)


def test_no_container_is_made_whose_id_cannot_be_written(runner: Commands, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "id"

    assert f"failed to create the container ID file: {file}: No such" in runner.complaint(
        "run", "--cidfile", str(file), *QUIET, IMAGE, status=125
    )
    assert runner("ps", "--all", "--quiet") == ""


def test_no_file_for_an_id_is_left_where_no_container_is_made(runner: Commands, tmp_path: Path) -> None:
    runner("create", "--name", "web", *QUIET, IMAGE)
    file = tmp_path / "id"

    runner.complaint("create", "--cidfile", str(file), "--name", "web", *QUIET, IMAGE)

    assert not file.exists()


def test_stopped_containers_are_pruned(runner: Commands) -> None:
    runner("create", "--name", "old", *QUIET, IMAGE)
    runner("run", "-d", "--name", "runs", *QUIET, IMAGE, "sleep", "100")

    printed = runner("container", "prune", "--force")

    assert printed.startswith("Deleted Containers:\n")
    assert "Total reclaimed space: 0B" in printed
    assert runner("ps", "-a", "--format", "{{.Names}}") == "runs\n"


def test_a_container_shares_the_network_of_another_one(runner: Commands) -> None:
    runner("run", "-d", "--name", "first", IMAGE, "sleep", "100")
    address = runner.inspect("first")["NetworkSettings"]["IPAddress"]

    hosts = runner("run", "--rm", "--network", "container:first", IMAGE, "cat", "/etc/hosts")

    assert address in hosts


def test_what_had_to_be_left_out_is_told_once_at_each_start(runner: Commands) -> None:
    # A host without the privilege to raise limits.
    without = ["setpriv", "--bounding-set=-sys_resource", "prlimit", "--nofile=300:300"]
    clamped = "WARNING: RLIMIT_NOFILE cannot be raised to 5000 here: it stays at 300\n"

    def told(*words: str) -> str:
        return subprocess.run([*without, *runner.command(*words)], check=True, capture_output=True, text=True).stderr

    asked = ("--ulimit", "nofile=5000", *QUIET, IMAGE, "true")
    assert told("run", "--rm", *asked) == clamped
    assert told("create", "--name", "web", *asked) == ""
    for words in (("start", "web"), ("start", "--attach", "web")):
        assert told(*words) == clamped
        assert runner("wait", "web") == "0\n"


def test_ports_on_the_hosts_network_are_told_to_be_discarded(runner: Commands) -> None:
    discarded = "WARNING: Published ports are discarded when using host network mode\n"

    assert runner.both("run", "--rm", "--network", "host", "-p", "80:80", IMAGE, "true")[1] == discarded


def test_what_the_host_cannot_limit_is_told_when_it_is_asked_for(runner: Commands) -> None:
    _, warnings = resources(Resources(blkio_weight=300), facts.look())

    said = runner.both("create", "--blkio-weight", "300", *QUIET, IMAGE, "true")[1]

    assert said == "".join(f"WARNING: {warning}\n" for warning in warnings)
    assert "not available" in runner.complaint("create", "--cpus", "10000", *QUIET, IMAGE)


def test_a_share_of_disks_is_set_where_the_kernel_has_shares(runner: Commands) -> None:
    """Version 1's BFQ has the file of it in containers' cgroups alone, not at the root."""
    hierarchy = hierarchies.detect().find("blkio")
    if hierarchy is None or hierarchy.version == 2:
        pytest.skip("no controller of version 1 is for disks here")
    script = "cat /sys/fs/cgroup/blkio/blkio.bfq.weight || cat /sys/fs/cgroup/blkio/blkio.weight; true"

    printed, said = runner.both("run", "--rm", "--blkio-weight", "300", *QUIET, IMAGE, "sh", "-c", script)

    assert (printed == "300\n") == ("disks have no weights" not in said)


def test_without_an_init_program_nothing_is_made_and_its_package_is_named(runner: Commands) -> None:
    hide = 'for place in $PLACES; do [ ! -e "$place" ] || mount --bind /dev/null "$place"; done; exec "$@"'
    without = ["unshare", "--mount", "sh", "-c", hide, "sh"]

    def refused(*words: str) -> tuple[int, str]:
        environment = {**os.environ, "PLACES": " ".join(init_program.PLACES)}
        done = subprocess.run(
            [*without, *runner.command(*words)], check=False, capture_output=True, text=True, env=environment
        )
        return done.returncode, done.stderr

    for command, status in (("run", 125), ("create", 1)):
        code, said = refused(command, "--init", "--pull", "always", *QUIET, IMAGE, "true")
        assert (code, "apt-get install tini" in said) == (status, True)
    assert runner.containers() == []


def test_an_image_for_another_platform_is_not_taken_and_not_pulled_where_nothing_is_to_be(runner: Commands) -> None:
    wanted = "linux/s390x"

    said = runner.complaint("run", "--platform", wanted, "--pull", "never", IMAGE, "true", status=125)

    assert f"does not match the specified platform: wanted {wanted}, actual: " in said
    said = runner.complaint("run", "--platform", wanted, "localhost:1/x", "true", status=125)
    assert said.startswith("Unable to find image 'localhost:1/x:latest' locally\nlatest: Pulling from x\n")


def test_a_container_is_stopped_in_its_time_by_either_name_of_the_flag(runner: Commands) -> None:
    for flag in ("--timeout", "--time", "-t"):
        runner("run", "-d", "--rm", "--name", "web", *QUIET, IMAGE, "sleep", "100")

        assert runner("stop", flag, "0", "web") == "web\n"
