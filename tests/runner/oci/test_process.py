"""What a container's program is: user, rights, limits, terminal, environment (root)."""

import array
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runner.oci.bundles import CAPABILITIES, Box
from tests.waiting import until

pytestmark = pytest.mark.root

STATUS = "cat /proc/self/status"


def fields(printed: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in printed.splitlines())}


def mask(*numbers: int) -> str:
    return f"{sum(1 << number for number in numbers):016x}"


def test_the_program_is_the_user_with_its_groups_and_umask(box: Box) -> None:
    box.process["user"] = {"uid": 1000, "gid": 2000, "additionalGids": [3000, 4000], "umask": 0o27}
    (box.rootfs / "tmp").chmod(0o1777)

    status = fields(box.shell("touch /tmp/made; " + STATUS).run())

    assert status["Uid"].split() == ["1000"] * 4
    assert status["Gid"].split() == ["2000"] * 4
    assert status["Groups"].split() == ["3000", "4000"]
    assert (box.rootfs / "tmp" / "made").stat().st_mode & 0o777 == 0o640


def test_no_group_of_the_runtimes_is_left(box: Box) -> None:
    assert fields(box.shell(STATUS).run(extra_groups=[4321]))["Groups"] == ""


def test_no_group_of_the_runtimes_is_left_whatever_an_image_has_at_proc(box: Box) -> None:
    box.config["mounts"] = [each for each in box.config["mounts"] if each["destination"] != "/proc"]
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    (box.rootfs / "proc" / "self").mkdir()
    (box.rootfs / "proc" / "self" / "setgroups").write_text("deny\n")

    assert "4321" not in box.shell("id").run(extra_groups=[4321])


def test_the_umask_is_the_usual_one_whatever_the_runtimes_is(box: Box) -> None:
    assert box.shell("umask").run(umask=0) == "0022\n"

    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    assert box.runtime("exec", box.id, "/bin/sh", "-c", "umask", umask=0o77) == "0022\n"


def test_the_five_sets_of_capabilities_are_those_asked_for(box: Box) -> None:
    box.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW", "CAP_FOWNER"],
        "permitted": ["CAP_KILL", "CAP_CHOWN", "CAP_FOWNER"],
        "effective": ["CAP_KILL"],
        "inheritable": ["CAP_CHOWN", "CAP_FOWNER"],
        "ambient": ["CAP_FOWNER"],
    }
    box.process["user"] = {"uid": 1000, "gid": 1000}

    status = fields(box.shell(STATUS).run())

    # A program of a user without capabilities of its own gets the ambient set.
    assert status["CapBnd"] == mask(0, 3, 5, 13)
    assert status["CapAmb"] == status["CapPrm"] == status["CapEff"] == mask(3)
    assert status["CapInh"] == mask(0, 3)


def test_root_gets_the_bounding_set_and_no_more(box: Box) -> None:
    status = fields(box.shell(STATUS).run())

    assert status["CapPrm"] == status["CapEff"] == status["CapBnd"] == mask(5, 10)
    assert status["CapInh"] == status["CapAmb"] == mask()


@pytest.mark.parametrize("uid", [0, 1000])
def test_without_sets_nobody_has_a_capability(box: Box, uid: int) -> None:
    box.process.pop("capabilities")
    box.process["user"] = {"uid": uid, "gid": uid}

    status = fields(box.shell(STATUS).run())

    assert status["CapPrm"] == status["CapEff"] == status["CapBnd"] == mask()


def test_capabilities_that_nobody_has_are_a_warning(box: Box) -> None:
    box.process["capabilities"] = {
        name: [*CAPABILITIES, "CAP_OF_THE_FUTURE"] for name in ("bounding", "effective", "permitted")
    }

    assert "warning: capabilities that are not known are left out: CAP_OF_THE_FUTURE" in box.run()


@pytest.mark.parametrize("wanted", [True, False])
def test_no_new_privileges_is_set_only_if_asked_for(box: Box, wanted: bool) -> None:
    box.process["noNewPrivileges"] = wanted

    assert fields(box.shell(STATUS).run())["NoNewPrivs"] == str(int(wanted))


@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_system_calls_are_filtered_for_the_program_and_for_exec(box: Box, no_new_privileges: bool) -> None:
    box.process["noNewPrivileges"] = no_new_privileges
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33}],
    }
    script = "grep Seccomp: /proc/self/status; mkdir /tmp/made || echo refused"

    printed = box.shell(script).run()
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    executed = box.exec("/bin/sh", "-c", script)

    for text in (printed, executed):
        assert text.startswith("Seccomp:\t2\n")
        assert "refused" in text
    assert not (box.rootfs / "tmp" / "made").exists()


def test_limits_are_set(box: Box) -> None:
    box.process["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]

    printed = box.shell("cat /proc/self/limits").run()

    rows = {line[:26].strip(): line[26:].split()[:2] for line in printed.splitlines()}
    assert rows["Max open files"] == ["64", "128"]
    assert rows["Max core file size"] == ["0", "0"]


def test_a_limit_that_may_not_be_raised_is_a_warning_and_stays(box: Box) -> None:
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 5000, "hard": 5000}]
    # A host without the privilege: its hard limit is below what is asked for, and it cannot raise it.
    without = ["setpriv", "--bounding-set=-sys_resource", "prlimit", "--nofile=300:300"]
    box.write()
    command = [*without, *box.runtime.command("run", "--bundle", box.bundle, box.id)]
    box.shell("grep 'open files' /proc/self/limits").write()

    done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    assert "warning: RLIMIT_NOFILE cannot be raised to 5000 here: it stays at 300" in done.stderr
    assert done.stdout.split()[3:5] == ["300", "300"]


def test_the_oom_score_is_set(box: Box) -> None:
    box.process["oomScoreAdj"] = 345

    assert box.shell("cat /proc/self/oom_score_adj").run() == "345\n"


def test_the_share_of_disks_and_processors_is_set(box: Box) -> None:
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    pid = box.state()["pid"]

    assert os.sched_getscheduler(pid) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, pid) == 5
    assert subprocess.check_output(["ionice", "-p", str(pid)], text=True).strip() == "idle"


def test_the_environment_is_the_configurations_and_a_home(box: Box) -> None:
    (box.rootfs / "etc" / "passwd").write_text("root:x:0:0::/:\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n")
    box.process["env"] = ["PATH=/bin", "A=1=2", "EMPTY="]
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.process["args"] = ["env"]

    assert sorted(box.run().split()) == ["A=1=2", "EMPTY=", "HOME=/home/somebody", "PATH=/bin"]


def test_a_directory_that_only_root_may_enter_can_be_the_working_directory(box: Box) -> None:
    private = box.rootfs / "private"
    private.mkdir(mode=0o700)
    box.process["cwd"] = "/private"
    box.process["user"] = {"uid": 1000, "gid": 1000}

    assert box.shell("pwd").run() == "/private\n"


def test_signals_that_python_ignores_are_as_they_should(box: Box) -> None:
    assert int(fields(box.shell(STATUS).run())["SigIgn"], 16) & (1 << 12 | 1 << 24) == 0


@contextmanager
def console(path: Path) -> Iterator[socket.socket]:
    """A socket that terminals are sent to."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(90)
        # Its path may be longer than the name of a socket.
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        os.close(folder)
        listener.listen()
        yield listener


def received(listener: socket.socket) -> int:
    connection, _ = listener.accept()
    with connection:
        message, rights, _, _ = connection.recvmsg(100, socket.CMSG_SPACE(4))
    assert message.startswith(b"/dev/pts/")
    descriptors = array.array("i")
    descriptors.frombytes(rights[0][2])
    return descriptors[0]


def read_until(master: int, word: str) -> str:
    text = ""
    deadline = time.monotonic() + 90
    while word not in text:
        assert time.monotonic() < deadline
        text += os.read(master, 1000).decode()
    return text


def test_a_terminal_is_sent_to_the_console_socket_and_is_the_programs(box: Box, tmp_path: Path) -> None:
    box.process["terminal"] = True
    box.process["consoleSize"] = {"height": 33, "width": 99}
    box.process["user"] = {"uid": 1000, "gid": 1000}
    box.shell("tty; stat -c %u /dev/pts/0; ls -l /dev/console; cat; echo over")
    with console(tmp_path / "socket") as listener:
        box.create("--console-socket", str(tmp_path / "socket"))
        master = received(listener)
    box.start()

    os.write(master, b"typed\n\x04")
    printed = read_until(master, "over")

    assert os.get_terminal_size(master) == (99, 33)
    assert "/dev/pts/0" in printed
    assert "\n1000" in printed
    assert printed.count("typed") == 2
    os.close(master)


def test_exec_has_a_terminal_of_its_own(box: Box, tmp_path: Path) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    place = tmp_path / ("deep" * 30) / "socket"
    place.parent.mkdir()
    with console(place) as listener:
        words = ["--tty", "--detach", "--console-socket", str(place)]
        box.runtime("exec", *words, box.id, "/bin/sh", "-c", "tty; echo over")
        master = received(listener)

    assert "/dev/pts/0" in read_until(master, "over")
    os.close(master)


def test_a_terminal_without_a_console_socket_is_refused(box: Box) -> None:
    box.process["terminal"] = True

    assert "--console-socket is needed" in box.create(status=2)


def test_descriptors_are_preserved_as_asked(box: Box, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given\n")
    box.shell("cat <&3; ls /proc/self/fd").write()
    # In a process of its own, for in this one the number may be somebody's.
    script = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.execv(sys.argv[2], sys.argv[2:])"
    command = box.runtime.command("run", "--preserve-fds", "1", "--bundle", box.bundle, box.id)
    with (tmp_path / "given").open() as given:
        printed = subprocess.run(
            [sys.executable, "-c", script, str(given.fileno()), *command],
            check=True,
            capture_output=True,
            text=True,
            pass_fds=[given.fileno()],
        ).stdout

    assert printed.split() == ["given", "0", "1", "2", "3", "4"]


@pytest.mark.parametrize("command", ["run", "exec"])
def test_no_more_descriptors_can_be_preserved_than_the_caller_has(box: Box, command: str) -> None:
    """The numbers behind them are the runtime's own descriptors later."""
    if command == "run":
        printed = box.run("--preserve-fds", "2", status=2)
    else:
        box.process["args"] = ["sleep", "100"]
        box.create()
        box.start()
        printed = box.runtime("exec", "--preserve-fds", "2", box.id, "ls", "/proc/self/fd", status=2)

    assert "descriptor 3 is not open" in printed


def test_exec_takes_what_a_process_file_says(box: Box, tmp_path: Path) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    document = {
        "args": ["/bin/sh", "-c", "id; pwd; echo $A; grep CapBnd /proc/self/status; exit 5"],
        "env": ["PATH=/bin", "A=b"],
        "cwd": "/tmp",
        "user": {"uid": 12, "gid": 13},
        "capabilities": {"bounding": ["CAP_CHOWN"]},
    }
    file = tmp_path / "process.json"
    file.write_text(json.dumps(document))

    printed = box.runtime("exec", "--process", file, box.id, status=5)

    assert printed == f"uid=12 gid=13\n/tmp\nb\nCapBnd:\t{mask(0)}\n"


def test_exec_binds_as_the_container_is_bound_where_a_process_file_says_nothing(box: Box, tmp_path: Path) -> None:
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    file = tmp_path / "process.json"
    file.write_text(json.dumps({"args": ["/bin/sh", "-c", f"{STATUS}; ulimit -Hn"], "env": ["PATH=/bin"], "cwd": "/"}))

    *status, limit = box.runtime("exec", "--process", file, box.id).splitlines()

    seen = fields("\n".join(status))
    assert seen["CapPrm"] == seen["CapEff"] == seen["CapBnd"] == mask(5, 10)
    assert limit == "200"


def test_exec_lets_go_and_writes_the_programs_number(box: Box, tmp_path: Path) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    box.runtime("exec", "--detach", "--pid-file", tmp_path / "pid", box.id, "sleep", "77")

    pid = int((tmp_path / "pid").read_text())
    # The kernel tells that a program is executed before it has written down its words.
    until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes() != b"")
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x0077\x00"
    assert Path(f"/proc/{pid}/ns/pid").readlink() == Path(f"/proc/{box.state()['pid']}/ns/pid").readlink()


def test_exec_tells_why_the_kernel_does_not_execute_a_file(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    (box.rootfs / "bin" / "nonsense").write_text("neither a program nor a script\n")
    (box.rootfs / "bin" / "nonsense").chmod(0o755)
    box.create()
    box.start()

    for flags in ((), ("--detach",)):
        assert "exec format error" in box.runtime("exec", *flags, box.id, "/bin/nonsense", status=1)


def test_exec_takes_flags_for_single_matters(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    words = ["--cwd", "/tmp", "-e", "B=2", "--user", "5:6", "--additional-gids", "7", "--cap", "CAP_CHOWN"]
    printed = box.runtime("exec", *words, box.id, "/bin/sh", "-c", "pwd; echo $B; id; grep CapBnd /proc/self/status")

    assert printed == f"/tmp\n2\nuid=5 gid=6 groups=7\nCapBnd:\t{mask(0, 5, 10)}\n"


def test_a_profile_of_a_module_that_the_host_lacks_is_refused_by_name(box: Box) -> None:
    if Path("/sys/fs/selinux/enforce").exists():
        pytest.skip("this host has SELinux")
    box.process["selinuxLabel"] = "system_u:system_r:container_t:s0"

    assert "SELinux is off on this host" in box.create(status=1)
