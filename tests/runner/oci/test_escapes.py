"""Ways out of a container that others have left open, each by its name (root).

The bundle's root file system and its volumes belong to an attacker in all of them.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts
from runner.oci.kernel.calls import library_call
from runner.oci.rootfs import masking, mounting, targets
from runner.oci.spec.mount_options import read_options
from runner.oci.spec.values import Mount
from tests.runner.oci.bundles import LAUNCHER, Box

pytestmark = pytest.mark.root

ALL = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"]


def all_powerful(box: Box) -> None:
    box.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), ALL)


def exchange_names(one: Path, other: Path) -> None:
    """Give each the other's name, in one step (renameat2(2), RENAME_EXCHANGE). What is mounted on stays as it is."""
    with contextlib.suppress(CallFailed):
        library_call("renameat2", -100, bytes(one), -100, bytes(other), 2)


def in_a_mount_namespace(work: Callable[[], None]) -> None:
    """Do something in a child whose mounts are its own; assertions hold there, too."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            from runner.oci.kernel import namespaces

            namespaces.unshare(["mount"])
            mounts.propagate("/", mounts.PRIVATE, recursive=True)
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_proc_self_exe_as_the_program_can_not_write_to_the_interpreter(box: Box) -> None:
    """CVE-2019-5736: the image's program is `#!/proc/self/exe`, so the host's interpreter is executed in it."""
    (box.rootfs / "evil").write_text("#!/proc/self/exe\n")
    (box.rootfs / "evil").chmod(0o755)
    box.process["args"] = ["/evil"]
    interpreter = Path(sys.executable).resolve()
    before = interpreter.stat()

    box.run(status=None)

    assert interpreter.stat().st_mtime_ns == before.st_mtime_ns
    assert interpreter.stat().st_size == before.st_size


def test_the_file_that_a_first_process_executed_can_not_be_written_to(box: Box, tmp_path: Path) -> None:
    """CVE-2019-5736: it is opened through /proc/PID/exe, and kept until that process has become another program."""
    # One that nobody else executes: the kernel would refuse to write to it for that alone.
    interpreter = tmp_path / "python3"
    shutil.copy(Path(sys.executable).resolve(), interpreter)
    box.process["args"] = ["sleep", "100"]
    box.write()
    command = [str(interpreter), *box.runtime.command("create", "--bundle", box.bundle, box.id)[1:]]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    descriptor = os.open(f"/proc/{box.state()['pid']}/exe", os.O_RDONLY)
    try:
        box.start()

        assert os.fstat(descriptor).st_ino == interpreter.stat().st_ino
        with pytest.raises(OSError, match="Read-only file system"):
            os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY)
        with pytest.raises(OSError, match="Read-only file system"):
            Path(f"/proc/self/fd/{descriptor}").chmod(0o777)
    finally:
        os.close(descriptor)


def test_the_file_that_an_exec_executes_can_not_be_written_to_by_the_container(box: Box) -> None:
    """CVE-2019-5736: a program in the container waits for the runtime's process, with all capabilities that matter."""
    all_powerful(box)
    (box.rootfs / "watch").write_text(
        "#!/bin/sh\n"
        "while :; do for exe in /proc/[0-9]*/exe; do\n"
        "  case $(readlink $exe) in *python*) exec 9<$exe && echo caught >> /caught && { echo x >> /proc/self/fd/9; } "
        "2>> /refused; exec 9<&-;; esac\n"
        "done; done\n"
    )
    (box.rootfs / "watch").chmod(0o755)
    box.process["args"] = ["/watch"]
    interpreter = Path(sys.executable).resolve()
    before = interpreter.stat().st_size, interpreter.stat().st_mtime_ns
    box.create()
    box.start()

    for _ in range(8):
        box.exec("true")
    box.runtime("kill", box.id, "KILL")

    assert (interpreter.stat().st_size, interpreter.stat().st_mtime_ns) == before
    if (box.rootfs / "caught").exists():
        assert "Read-only file system" in (box.rootfs / "refused").read_text()


def test_no_descriptor_of_the_host_reaches_the_program(box: Box, tmp_path: Path) -> None:
    """CVE-2024-21626: one of a directory of the host's leads out."""
    box.shell("ls -l /proc/self/fd").write()
    leak = os.open("/sys/fs/cgroup", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        command = box.runtime.command("run", "--bundle", box.bundle, box.id)
        printed = subprocess.run(
            command, check=True, capture_output=True, text=True, pass_fds=[leak], stdin=subprocess.DEVNULL
        ).stdout
    finally:
        os.close(leak)

    # The last is the one by which ls reads the directory.
    assert [line.split()[8] for line in printed.splitlines() if "->" in line or " 3" in line][:3] == ["0", "1", "2"]
    assert "cgroup" not in printed


def test_a_working_directory_that_is_a_descriptor_of_the_hosts_is_refused(box: Box) -> None:
    """CVE-2024-21626: the image's WORKDIR is /proc/self/fd/N."""
    for number in range(3, 12):
        box.process["cwd"] = f"/proc/self/fd/{number}"

        printed = box.shell("ls; cat /proc/self/cwd/../../../../etc/hostname").run(status=None)

        assert "bin" not in printed.split()
        assert Path("/etc/hostname").read_text().strip() not in printed


def test_nothing_is_loaded_from_the_image_by_the_runtime(box: Box) -> None:
    """The interpreter still runs when the root has changed: its own modules must not come from there."""
    folders = {place for place in sys.path if place.startswith("/")} | {str(LAUNCHER.parents[2])}
    for folder in folders:
        inside = box.rootfs / folder.lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        for name in ("traceback", "linecache", "json", "encodings", "pwd", "re", "runner", "socket"):
            (inside / f"{name}.py").write_text("open('/loaded', 'a').write(__name__)\n")
    box.process["args"] = ["/not-there"]

    box.run(status=1)
    box.process["args"] = ["true"]
    box.run()

    assert not (box.rootfs / "loaded").exists()


@pytest.mark.parametrize("link", ["/proc/self/root", "/../../../..", "/proc/1/root"])
def test_a_link_at_a_mounts_place_stays_inside(box: Box, link: str, tmp_path: Path) -> None:
    """CVE-2021-30465 without its race: the place of a mount is a link that leads out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (box.rootfs / "data").symlink_to(f"{link}{outside}")
    box.mounted("/data/deep", "tmpfs", kind="tmpfs")

    box.shell("touch /data/deep/made").run(status=None)

    assert list(outside.iterdir()) == []


def test_a_volume_whose_names_are_exchanged_meanwhile_is_mounted_inside(tmp_path: Path) -> None:
    """CVE-2021-30465, CVE-2024-45310: another container exchanges a directory of its volume and a link out of it."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "volume" / "a").mkdir(parents=True)
    (root / "volume" / "link").symlink_to("../" * 30 + str(outside).lstrip("/"))
    outside.mkdir()
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            exchange_names(root / "volume" / "a", root / "volume" / "link")

    attacker = threading.Thread(target=exchange)
    attacker.start()
    try:
        in_a_mount_namespace(lambda: _mount_many_times(root, outside))
    finally:
        stop.set()
        attacker.join()


def _mount_many_times(root: Path, outside: Path) -> None:
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    wanted = Mount("/volume/a/target", "tmpfs", "tmpfs", read_options(("mode=755", "size=4k")))
    for _ in range(100):
        try:
            mounting.mount(descriptor, wanted)
        except CallFailed:
            continue
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    assert not [place for place in places if place.startswith(str(outside))]
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["proc", "sysfs"])
def test_proc_and_sys_are_not_mounted_through_a_link(box: Box, kind: str) -> None:
    """CVE-2019-19921, CVE-2023-27561: masks and settings would go to another place than the kernel's files."""
    name = kind.removesuffix("fs")
    (box.rootfs / name).rmdir()
    (box.rootfs / "elsewhere").mkdir()
    (box.rootfs / name).symlink_to("elsewhere")

    assert "must be mounted on an ordinary directory" in box.run(status=1)


def test_a_masked_path_that_is_a_link_masks_what_it_leads_to_inside(box: Box) -> None:
    """CVE-2023-28642: a link at a masked path."""
    (box.rootfs / "secret").write_text("secret\n")
    (box.rootfs / "link").symlink_to("/../../secret")
    box.linux["maskedPaths"] += ["/link"]

    assert box.shell("cat /secret /link").run() == ""


def test_a_link_instead_of_the_null_device_masks_nothing_else(box: Box, tmp_path: Path) -> None:
    """CVE-2025-31133: /dev/null of the container is exchanged for a link before it is bound as the mask."""
    (box.rootfs / "dev" / "null").symlink_to("/proc/sys/kernel/core_pattern")
    box.linux["maskedPaths"] += ["/etc/hidden"]
    (box.rootfs / "etc" / "hidden").write_text("hidden\n")

    printed = box.shell("cat /etc/hidden; stat -c %t:%T /etc/hidden").run()

    assert printed == "1:3\n"


def test_a_path_that_is_exchanged_while_it_is_masked_changes_nothing_outside(tmp_path: Path) -> None:
    """CVE-2025-31133, CVE-2025-52881: the masked path is exchanged for a link to the host's files."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.write_text("of the host\n")
    (root / "masked").write_text("masked\n")
    (root / "link").symlink_to("../" * 30 + str(outside).lstrip("/"))
    stop = threading.Event()

    def exchange() -> None:
        while not stop.is_set():
            exchange_names(root / "masked", root / "link")

    def mask() -> None:
        descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
        for _ in range(100):
            masking.mask(descriptor, ["/masked"])
        assert outside.read_text() == "of the host\n"

    attacker = threading.Thread(target=exchange)
    attacker.start()
    try:
        in_a_mount_namespace(mask)
    finally:
        stop.set()
        attacker.join()


def test_a_console_is_bound_by_its_descriptor(box: Box) -> None:
    """CVE-2025-52565: /dev/console is a link in the image."""
    (box.rootfs / "dev" / "console").symlink_to("/proc/sys/kernel/core_pattern")
    box.config["mounts"] = [each for each in box.config["mounts"] if each["destination"] != "/dev"]
    (box.rootfs / "dev" / "pts").mkdir()
    before = Path("/proc/sys/kernel/core_pattern").read_text()

    box.shell("echo x > /dev/console").run(status=None)

    assert Path("/proc/sys/kernel/core_pattern").read_text() == before


def test_a_dev_that_is_a_link_gets_its_devices_inside(box: Box, tmp_path: Path) -> None:
    """CVE-2026-41579: the image's /dev leads out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (box.rootfs / "dev").rmdir()
    (box.rootfs / "dev").symlink_to("../" * 30 + str(outside).lstrip("/"))
    box.config["mounts"] = [each for each in box.config["mounts"] if not each["destination"].startswith("/dev")]

    box.run(status=None)

    assert list(outside.iterdir()) == []


def test_settings_are_written_to_the_kernels_files_whatever_the_image_has(box: Box) -> None:
    """CVE-2025-52881: /proc/sys of the container is another place."""
    box.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    (box.rootfs / "fake").write_text("")
    box.mounted("/proc/sys/net/ipv4/ip_default_ttl", box.rootfs / "fake", "bind")

    assert box.shell("cat /fake").run() == ""


def test_no_path_of_a_setting_leads_out_of_proc_sys(box: Box) -> None:
    box.linux["sysctl"] = {"net.ipv4/../../../sysrq-trigger": "h"}

    box.run(status=1)


def test_no_path_of_a_setting_leads_from_a_namespaces_to_the_hosts(box: Box) -> None:
    """The host would execute what stands there, outside of any container."""
    box.linux["sysctl"] = {"net/../kernel/core_pattern": Path("/proc/sys/kernel/core_pattern").read_text().strip()}

    assert "is no name of a setting" in box.run(status=1)


def test_programs_of_exec_get_no_inheritable_capability(box: Box) -> None:
    """CVE-2022-24769, CVE-2022-29162."""
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    printed = box.runtime("exec", "--cap", "CAP_CHOWN", box.id, "/bin/sh", "-c", "grep CapInh /proc/self/status")

    assert int(printed.split()[1], 16) == 0


@pytest.mark.parametrize("kind", ["fifo", "huge", "directory", "device", "link"])
def test_a_hostile_passwd_neither_stops_nor_misleads_a_start(box: Box, kind: str) -> None:
    """CVE-2024-40635 and the like: the host reads a file of the image's."""
    passwd = box.rootfs / "etc" / "passwd"
    if kind == "fifo":
        os.mkfifo(passwd)
    elif kind == "huge":
        with passwd.open("w") as file:
            file.truncate(10 * 2**30)
    elif kind == "directory":
        passwd.mkdir()
    elif kind == "device":
        os.mknod(passwd, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    else:
        passwd.symlink_to("/proc/self/environ")

    assert box.shell("echo $HOME").run() == "/\n"


def test_the_release_agent_can_not_be_written_to(box: Box) -> None:
    """CVE-2022-0492: version 1 has the host execute what stands there."""
    box.mounted("/sys/fs/cgroup", "cgroup", "ro", kind="cgroup")

    printed = box.shell(
        "for file in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/*/notify_on_release; do echo /x > $file; done; "
        "mount -t cgroup -o pids x /tmp"
    ).run(status=None)

    assert "ermission denied" in printed
    assert "/x" not in printed


def test_a_process_of_a_shared_namespace_can_not_look_into_the_runtimes(box: Box) -> None:
    """CVE-2016-9962: the first process of another container is caught while it still has the runtime's rights."""
    box.shell("while :; do for pid in /proc/[0-9]*; do ls $pid/fd; done > /seen 2>&1; done").create()
    box.start()
    other = box.sharing()
    other.namespaces(pid=f"/proc/{box.state()['pid']}/ns/pid")
    other.process["args"] = ["sleep", "100"]
    other.create()

    lines = Path(f"/proc/{other.state()['pid']}/status").read_text().splitlines()
    inside = next(line.split()[-1] for line in lines if line.startswith("NSpid"))
    printed = box.exec(
        "/bin/sh", "-c", f"for name in exe cwd fd/4; do readlink /proc/{inside}/$name || echo no; done", status=None
    )

    assert printed.split() == ["no", "no", "no"]
    os.kill(other.state()["pid"], signal.SIGKILL)


def test_a_process_of_a_shared_user_namespace_can_not_look_into_the_runtimes_either(box: Box) -> None:
    """CVE-2016-9962: there, root has all rights over processes that may be traced."""
    box.namespaces(user="")
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 200_000, "size": 65_536}]
    for place in [box.rootfs, *box.rootfs.rglob("*")]:
        os.lchown(place, 200_000, 200_000)
    all_powerful(box)
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    other = box.sharing()
    other.linux["uidMappings"] = other.linux["gidMappings"] = []
    other.namespaces(**{kind: f"/proc/{box.state()['pid']}/ns/{kind}" for kind in ("user", "pid")})
    other.create()

    lines = Path(f"/proc/{other.state()['pid']}/status").read_text().splitlines()
    inside = next(line.split()[-1] for line in lines if line.startswith("NSpid"))
    printed = box.exec(
        "/bin/sh", "-c", f"for name in exe cwd fd/4; do readlink /proc/{inside}/$name || echo no; done", status=None
    )

    assert printed.split() == ["no", "no", "no"]
    other.delete("--force")


def test_a_target_is_never_outside_whatever_its_path_says(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "up").symlink_to("../../../../../../tmp")
    (root / "self").symlink_to("/proc/self/root")
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        for path in ("/../../x", "/up/x", "/a/../../../b", "/self/c", "/./d//e"):
            opened = targets.directory(descriptor, path)
            place = Path(f"/proc/self/fd/{opened}").readlink()
            os.close(opened)
            assert place.is_relative_to(root)
    finally:
        os.close(descriptor)


def test_a_cgroup_path_that_leads_upwards_is_refused(box: Box) -> None:
    box.linux["cgroupsPath"] = "/../../escape"

    assert "cgroup path" in box.run(status=1)
    assert not Path("/sys/fs/cgroup/escape").exists()


def test_the_state_of_containers_is_roots_alone(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    place = box.runtime.root / box.id

    assert place.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in place.iterdir())


# A session keyring of this name, which all of root's may search, with a key in it that only its possessors see.
_WITH_A_KEY = """
import ctypes, os, sys
keyctl, add_key = (250, 248) if os.uname().machine == "x86_64" else (219, 217)
syscall = ctypes.CDLL(None, use_errno=True).syscall
session = syscall(keyctl, 1, b"_ses.rootfs")
if session < 0:
    sys.exit(77)
syscall(keyctl, 5, session, 0x3F3F0000)
key = syscall(add_key, b"user", b"moorage-secret", b"x", 1, ctypes.c_long(-3))
syscall(keyctl, 5, key, 0x3F000000)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["run", "exec"])
def test_no_key_of_the_caller_reaches_the_program(box: Box, command: str) -> None:
    """Neither the caller's session keyring nor, by its name, somebody else's is the program's."""
    box.linux["maskedPaths"] = []
    if command == "run":
        box.process["args"] = ["cat", "/proc/keys"]
        box.write()
        words = box.runtime.command("run", "--bundle", box.bundle, box.id)
    else:
        box.process["args"] = ["sleep", "100"]
        box.create()
        box.start()
        words = box.runtime.command("exec", box.id, "cat", "/proc/keys")

    command_line = [sys.executable, "-c", _WITH_A_KEY, *words]
    done = subprocess.run(command_line, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    if done.returncode == 77:
        pytest.skip("this kernel has no keys")
    assert done.returncode == 0, done.stderr
    assert "keyring" in done.stdout
    assert "moorage-secret" not in done.stdout
