"""Namespaces are made, joined by their paths, or shared with the runtime (root)."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.oci.bundles import Box

pytestmark = pytest.mark.root

FILES = {
    "pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup", "time": "time",
    "user": "user",
}  # fmt: skip
LIST = "for kind in pid net ipc uts mnt cgroup time user; do echo $kind $(readlink /proc/self/ns/$kind); done"


@pytest.fixture
def others() -> Iterator[int]:
    """A process with namespaces of its own."""
    command = ["unshare", "--pid", "--fork", "--net", "--ipc", "--uts", "--cgroup", "sleep", "100"]
    with subprocess.Popen(command) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        deadline = time.monotonic() + 90
        while not children.read_text().split():
            assert time.monotonic() < deadline
        (child,) = map(int, children.read_text().split())
        yield child
        process.kill()
        os.kill(child, 9)


def identities(printed: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in printed.splitlines())


def own() -> dict[str, str]:
    return {file: str(Path(f"/proc/self/ns/{file}").readlink()) for file in FILES.values()}


def test_kinds_that_are_asked_for_are_new_and_others_the_runtimes(box: Box) -> None:
    box.namespaces(time="", ipc=None)

    seen = identities(box.shell(LIST).run())

    assert {kind for kind in seen if seen[kind] != own()[kind]} == {"pid", "net", "uts", "mnt", "cgroup", "time"}


@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "cgroup"])
def test_a_namespace_is_joined_by_its_path(box: Box, others: int, kind: str) -> None:
    path = f"/proc/{others}/ns/{FILES[kind]}"
    box.namespaces(**{kind: path})
    box.config.pop("hostname")

    assert identities(box.shell(LIST).run())[FILES[kind]] == str(Path(path).readlink())


def test_a_namespace_of_processes_is_joined_by_its_path(box: Box, others: int) -> None:
    box.namespaces(pid=f"/proc/{others}/ns/pid")

    assert "sleep 100" in box.shell("ps").run()


@pytest.mark.parametrize("path", ["/not/there", "/proc/self/ns/uts", "/dev/null"])
def test_what_is_no_namespace_of_the_kind_is_refused(box: Box, path: str) -> None:
    box.namespaces(network=path)

    box.run(status=1)

    assert box.runtime.names() == []


def test_the_hostname_is_the_containers_alone(box: Box) -> None:
    before = os.uname().nodename
    box.config["domainname"] = "example.test"

    assert box.shell("hostname; cat /proc/sys/kernel/domainname").run() == "box\nexample.test\n"
    assert os.uname().nodename == before


@pytest.mark.parametrize("name", ["hostname", "domainname"])
def test_a_name_without_a_namespace_for_it_is_refused(box: Box, name: str) -> None:
    box.namespaces(uts=None)
    box.config.pop("hostname", None)
    box.config[name] = "box"

    assert f"config.json: {name}: needs a namespace of type uts" in box.run(status=1)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [("network", "net.ipv4.ip_default_ttl"), ("ipc", "kernel.msgmax"), ("uts", "kernel.domainname")],
)
def test_settings_of_the_runtimes_own_namespaces_are_refused(box: Box, kind: str, setting: str) -> None:
    """A container that shares the network of one that has the host's must not change the host's settings."""
    place = Path("/proc/sys", *setting.split("."))
    before = place.read_text()
    box.config.pop("hostname", None)
    box.namespaces(**{kind: f"/proc/{os.getpid()}/ns/{FILES[kind]}"})
    box.linux["sysctl"] = {setting: "4321"}

    assert f"'{setting}' would be set in the runtime's own {kind} namespace" in box.run(status=1)
    assert place.read_text() == before


def test_a_new_network_has_a_loopback_interface_that_is_up(box: Box) -> None:
    assert box.shell("cat /sys/class/net/lo/operstate; ls /sys/class/net").run().split() == ["unknown", "lo"]


def test_settings_of_the_kernel_are_the_containers_alone(box: Box) -> None:
    before = Path("/proc/sys/net/ipv4/ip_default_ttl").read_text()
    box.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "99", "kernel.msgmax": "4444"}

    seen = box.shell("cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/msgmax").run()

    assert seen.split() == ["99", "4444"]
    assert Path("/proc/sys/net/ipv4/ip_default_ttl").read_text() == before


def test_a_setting_that_the_kernel_has_not_got_is_named(box: Box) -> None:
    box.linux["sysctl"] = {"net.ipv4.nothing": "1"}

    assert "sysctl 'net.ipv4.nothing': No such file or directory" in box.run(status=1)


def test_clocks_of_a_time_namespace_are_ahead(box: Box) -> None:
    box.namespaces(time="")
    box.linux["timeOffsets"] = {"boottime": {"secs": 86_400}}

    seconds = float(box.shell("cut -d ' ' -f 1 /proc/uptime").run())

    assert 86_000 < seconds - time.clock_gettime(time.CLOCK_BOOTTIME) < 86_500


def test_a_user_namespace_maps_ids_and_gives_rights_in_itself_only(box: Box) -> None:
    box.namespaces(user="")
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": 200_000, "size": 65_536}]
    box.linux["gidMappings"] = [{"containerID": 0, "hostID": 300_000, "size": 65_536}]
    for place in [box.rootfs, *box.rootfs.rglob("*")]:
        os.lchown(place, 200_000, 300_000)
    box.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    box.shell(
        "id; cat /proc/self/uid_map; touch /tmp/made; ls -l /dev/null; echo works > /dev/null; "
        "hostname; mount -t tmpfs x /tmp"
    )
    (box.rootfs / "tmp").chmod(0o777)

    printed = box.run(status=None)

    assert "uid=5 gid=6 groups=7" in printed
    assert printed.splitlines()[1].split() == ["0", "200000", "65536"]
    assert "crw-rw-rw-" in printed
    assert "permission denied" in printed.splitlines()[-1].lower()
    made = (box.rootfs / "tmp" / "made").stat()
    assert (made.st_uid, made.st_gid) == (200_005, 300_006)


def mapped(box: Box) -> Box:
    """The same with users of its own, who have its root file system."""
    box.namespaces(user="")
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 200_000, "size": 65_536}]
    for place in [box.rootfs, *box.rootfs.rglob("*")]:
        os.lchown(place, 200_000, 200_000)
    return box


def test_what_only_the_hosts_root_may_enter_is_bound_into_a_user_namespace(box: Box, tmp_path: Path) -> None:
    private = tmp_path / "private"
    (private / "volume").mkdir(parents=True, mode=0o755)
    private.chmod(0o700)
    for place in (private / "file", private / "volume" / "file"):
        place.write_text("seen\n")
    mapped(box).mounted("/volume", private / "volume", "rbind")
    box.mounted("/file", private / "file", "bind", "ro")

    assert box.shell("cat /volume/file /file").run() == "seen\nseen\n"

    box.mounted("/none", private / "none", "bind")
    assert "mount '/none': No such file or directory" in box.run(status=1)


def test_what_the_host_has_read_only_stays_so_in_a_user_namespace(box: Box, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mapped(box).mounted("/volume", volume, "rbind")
    box.process["capabilities"] = {kind: ["CAP_SYS_ADMIN"] for kind in ("bounding", "effective", "permitted")}
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=777", "tmpfs", volume], check=True)
    try:
        printed = box.shell("mount -o remount,bind,rw /volume; touch /volume/made; true").run()
    finally:
        subprocess.run(["umount", volume], check=True)

    assert "Read-only file system" in printed


def test_exec_enters_all_namespaces_of_the_container(box: Box) -> None:
    box.namespaces(time="")
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    seen = identities(box.exec("/bin/sh", "-c", LIST))

    pid = box.state()["pid"]
    assert seen == {kind: str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in seen}


def test_exec_enters_a_user_namespace(box: Box) -> None:
    mapped(box).process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    assert box.runtime("exec", "--user", "3:4", box.id, "id") == "uid=3 gid=4\n"


def test_without_a_mount_namespace_those_of_the_runtimes_propagate_as_before(box: Box) -> None:
    box.namespaces(mount=None)
    box.config["mounts"] = []
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    box.shell("true").write()
    run = " ".join(box.runtime.command("run", "--bundle", box.bundle, box.id))
    script = f"mount --make-rshared /; {run}; umount {box.rootfs}; grep -vc shared: /proc/self/mountinfo"

    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("0\n", "")


def test_without_a_mount_namespace_the_root_is_changed_only(box: Box) -> None:
    box.namespaces(mount=None)
    box.config["mounts"] = []
    box.linux["maskedPaths"] = box.linux["readonlyPaths"] = []
    try:
        assert box.shell("echo *").run() == "bin dev etc proc sys tmp\n"
    finally:
        subprocess.run(["umount", str(box.rootfs)], check=False)

    assert str(box.bundle) not in Path("/proc/self/mountinfo").read_text()
