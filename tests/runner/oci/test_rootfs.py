"""What a container sees beneath its root (root)."""

import os
import secrets
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.oci.bundles import Box

pytestmark = pytest.mark.root

MOUNTS = "cat /proc/self/mountinfo"


def mounted(printed: str) -> dict[str, list[str]]:
    """For each place of a mountinfo its fields."""
    rows = [line.split() for line in printed.splitlines() if " - " in line]
    return {row[4]: row for row in rows}


def options(row: list[str]) -> set[str]:
    return set(row[5].split(","))


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host's with a mount beneath it."""
    place = tmp_path / "volume"
    (place / "inner").mkdir(parents=True)
    (place / "file").write_text("of the host\n")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place / "inner"], check=True)
    (place / "inner" / "beneath").write_text("beneath\n")
    yield place
    subprocess.run(["umount", place / "inner"], check=True)


def test_the_mounts_are_those_of_the_configuration_with_their_options(box: Box) -> None:
    rows = mounted(box.shell(MOUNTS).run())

    assert [place for place in rows if not place.startswith(("/proc/", "/sys/firmware"))] == [
        "/", "/proc", "/dev", "/dev/pts", "/sys",
    ]  # fmt: skip
    assert options(rows["/sys"]) >= {"ro", "nosuid", "nodev", "noexec"}
    assert options(rows["/dev"]) >= {"rw", "nosuid"}
    assert "size=64k" in rows["/dev"][-1]


def test_nothing_of_the_host_is_left_beneath_the_root(box: Box) -> None:
    assert set(box.shell("ls -a /").run().split()) == {".", "..", "bin", "dev", "etc", "proc", "sys", "tmp"}
    assert box.shell("cd /..; ls").run().split() == ["bin", "dev", "etc", "proc", "sys", "tmp"]


def test_a_read_only_root_can_not_be_written_to(box: Box) -> None:
    box.config["root"]["readonly"] = True

    assert "Read-only file system" in box.shell("touch /tmp/x; echo fine > /dev/null").run(status=0)
    assert not (box.rootfs / "tmp" / "x").exists()


def test_a_bind_brings_what_is_mounted_beneath_only_if_it_is_recursive(box: Box, volume: Path) -> None:
    box.mounted("/one", volume, "bind")
    box.mounted("/all", volume, "rbind")

    printed = box.shell("cat /one/file /all/inner/beneath; ls /one/inner").run()

    assert printed == "of the host\nbeneath\n"


def test_a_read_only_bind_is_so_but_not_what_is_beneath_unless_asked_for(box: Box, volume: Path) -> None:
    box.mounted("/ro", volume, "rbind", "ro")
    box.mounted("/rro", volume, "rbind", "rro", "nosuid")

    printed = box.shell(
        "touch /ro/x || echo 1; touch /ro/inner/x && echo 2; touch /rro/x || echo 3; touch /rro/inner/y || echo 4; "
        + MOUNTS
    ).run()

    assert [line for line in printed.splitlines() if line in set("1234")] == ["1", "2", "3", "4"]
    assert "nosuid" in options(mounted(printed)["/rro"])


@pytest.mark.parametrize("link", ["../run/made/file", "/run/made/file", "/proc/../../../run/made/file"])
def test_a_file_is_bound_where_a_link_names_a_file_that_is_missing(box: Box, volume: Path, link: str) -> None:
    """Images of whole systems have such a link at /etc/resolv.conf."""
    (box.rootfs / "etc" / "link").symlink_to(link)
    box.mounted("/etc/link", volume / "file", "bind", "ro")

    assert box.shell("cat /etc/link").run() == "of the host\n"
    assert (box.rootfs / "run" / "made" / "file").read_text() == ""


def test_a_link_to_itself_is_no_place_for_a_file(box: Box, volume: Path) -> None:
    (box.rootfs / "etc" / "link").symlink_to("link")
    box.mounted("/etc/link", volume / "file", "bind", "ro")

    assert "/etc/link" in box.run(status=1)


def test_a_dev_that_is_read_only_is_so_without_what_is_mounted_in_it(box: Box) -> None:
    next(each for each in box.config["mounts"] if each["destination"] == "/dev")["options"].append("ro")
    box.mounted("/dev/shm", "tmpfs", "mode=1777", kind="tmpfs")

    printed = box.shell("touch /dev/shm/made && echo made; touch /dev/made; echo > /dev/null && echo works").run()

    assert printed.splitlines() == ["made", "touch: /dev/made: Read-only file system", "works"]


def test_a_file_is_bound_onto_a_file_that_is_made_for_it(box: Box, volume: Path) -> None:
    box.mounted("/etc/deep/file", volume / "file", "bind", "ro")

    assert box.shell("cat /etc/deep/file; echo x > /etc/deep/file || echo no").run().splitlines()[0] == "of the host"
    assert (box.rootfs / "etc" / "deep" / "file").is_file()


def test_mounts_propagate_as_asked(box: Box, volume: Path) -> None:
    subprocess.run(["mount", "--make-shared", volume / "inner"], check=True)
    for word in ("private", "slave", "shared", "unbindable"):
        box.mounted(f"/{word}", volume / "inner", "bind", word)

    rows = mounted(box.shell(MOUNTS).run())

    tags = {word: [tag for tag in rows[f"/{word}"][6:] if tag != "-"][:2] for word in ("private", "slave", "shared")}
    assert tags["private"][0] == "tmpfs"
    assert tags["slave"][0].startswith("master:")
    assert any(tag.startswith("shared:") for tag in tags["shared"])
    assert "unbindable" in rows["/unbindable"]


def test_what_is_mounted_in_a_shared_bind_shows_on_the_host_where_the_root_is_shared(box: Box, volume: Path) -> None:
    subprocess.run(["mount", "--make-shared", volume / "inner"], check=True)
    box.process["capabilities"] = {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")}
    box.mounted("/volume", volume / "inner", "rbind", "rshared")
    box.linux["rootfsPropagation"] = "rshared"

    box.shell("mkdir /volume/made; mount -t tmpfs made /volume/made && echo > /volume/made/seen").run()

    try:
        assert (volume / "inner" / "made" / "seen").exists()
    finally:
        subprocess.run(["umount", volume / "inner" / "made"], check=False)


def test_what_is_mounted_in_the_container_never_shows_on_the_host(box: Box) -> None:
    def shown() -> list[str]:
        # Other tests mount, too, at the same time.
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return [mount for mount in mounts if source in mount or str(box.rootfs.parent) in mount]

    source = f"moorage-{secrets.token_hex(8)}"
    before = shown()
    box.process["capabilities"]["bounding"] = box.process["capabilities"]["effective"] = ["CAP_SYS_ADMIN"]
    box.process["capabilities"]["permitted"] = ["CAP_SYS_ADMIN"]

    assert "tmpfs" in box.shell(f"mount -t tmpfs {source} /tmp && grep ' /tmp ' /proc/self/mounts").run()
    assert shown() == before


def test_a_tmpfs_takes_a_copy_of_what_it_covers(box: Box) -> None:
    data = box.rootfs / "data"
    (data / "sub").mkdir(parents=True)
    (data / "sub" / "file").write_text("kept\n")
    (data / "link").symlink_to("sub/file")
    os.chown(data / "sub" / "file", 7, 8)
    (data / "sub").chmod(0o711)
    box.mounted("/data", "tmpfs", "tmpcopyup", "ro", kind="tmpfs")

    printed = box.shell("cat /data/link; stat -c '%u %g' /data/sub/file; stat -c %a /data/sub; touch /data/x").run(
        status=1
    )

    assert printed.splitlines()[:3] == ["kept", "7 8", "711"]
    assert "Read-only" in printed


def test_a_tmpfs_without_a_mode_has_that_of_what_it_covers(box: Box) -> None:
    (box.rootfs / "tmp").chmod(0o1777)
    box.mounted("/tmp", "tmpfs", kind="tmpfs")

    assert box.shell("stat -c %a /tmp").run() == "1777\n"


def test_default_devices_and_links_are_there(box: Box) -> None:
    printed = box.shell(
        "for name in null zero full random urandom tty; do stat -c '%n %t:%T %a' /dev/$name; done; "
        "for name in fd stdin stdout stderr ptmx; do readlink /dev/$name; done"
    ).run()

    assert printed.splitlines() == [
        "/dev/null 1:3 666", "/dev/zero 1:5 666", "/dev/full 1:7 666", "/dev/random 1:8 666", "/dev/urandom 1:9 666",
        "/dev/tty 5:0 666", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx",
    ]  # fmt: skip


def test_devices_are_made_as_asked_whatever_the_umask(box: Box) -> None:
    box.linux["devices"] = [
        {"path": "/dev/my/disk", "type": "b", "major": 7, "minor": 5, "fileMode": 0o640, "uid": 3, "gid": 4},
        {"path": "/dev/fifo", "type": "p"},
    ]
    box.linux["resources"] = {"devices": [{"allow": True, "type": "b", "major": 7, "minor": 5, "access": "rwm"}]}
    previous = os.umask(0o077)
    try:
        printed = box.shell("stat -c '%F %t:%T %a %u %g' /dev/my/disk; stat -c %F /dev/fifo").run()
    finally:
        os.umask(previous)

    assert printed.splitlines() == ["block special file 7:5 640 3 4", "fifo"]


def test_devices_that_no_rule_allows_can_not_be_used(box: Box) -> None:
    box.process["capabilities"] = {name: ["CAP_MKNOD"] for name in ("bounding", "effective", "permitted")}

    printed = box.shell(
        "mknod /tmp/mem c 1 1; mknod /tmp/kmsg c 1 11; cat /tmp/kmsg /tmp/mem; cat /dev/zero | sed -n q"
    ).run(status=None)

    assert printed.lower().count("operation not permitted") == 2


def test_paths_are_masked_and_read_only(box: Box) -> None:
    (box.rootfs / "secret").write_text("secret\n")
    (box.rootfs / "folder").mkdir()
    (box.rootfs / "folder" / "inner").write_text("inner\n")
    (box.rootfs / "fixed").mkdir()
    box.linux["maskedPaths"] += ["/secret", "/folder"]
    box.linux["readonlyPaths"] += ["/fixed", "/not-there"]

    printed = box.shell(
        "cat /secret; ls /folder; cat /proc/keys; touch /fixed/x || echo fixed; touch /folder/x || echo masked; "
        "echo 1 > /proc/sys/kernel/msgmax || echo sysctl"
    ).run()

    assert [line for line in printed.splitlines() if "Read-only" not in line and "read-only" not in line] == [
        "fixed", "masked", "sysctl",
    ]  # fmt: skip


def test_the_working_directory_is_made_if_it_is_missing(box: Box) -> None:
    box.process["cwd"] = "/srv/app"

    assert box.shell("pwd").run() == "/srv/app\n"


def test_its_own_cgroup_and_no_other_is_mounted(box: Box) -> None:
    box.mounted("/sys/fs/cgroup", "cgroup", "ro", "nosuid", kind="cgroup")
    for namespace in ("", None):
        box.namespaces(cgroup=namespace)

        printed = box.shell(
            "cat /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs 2>/dev/null | sed -n 1p; "
            "ls /sys/fs/cgroup; touch /sys/fs/cgroup/x"
        ).run(status=1)

        assert printed.splitlines()[0] == "1"
        assert "pids" in printed or "cgroup.procs" in printed
        assert "ead-only" in printed


def test_a_dev_of_the_hosts_is_left_alone(box: Box, tmp_path: Path) -> None:
    own = tmp_path / "dev"
    own.mkdir()
    box.config["mounts"] = [each for each in box.config["mounts"] if not each["destination"].startswith("/dev")]
    box.mounted("/dev", own, "bind")

    box.shell("true").run()

    assert list(own.iterdir()) == []


def test_a_device_of_the_image_in_the_wrong_place_is_refused(box: Box) -> None:
    box.config["mounts"] = [each for each in box.config["mounts"] if not each["destination"].startswith("/dev")]
    os.mknod(box.rootfs / "dev" / "null", stat.S_IFCHR | 0o666, os.makedev(1, 1))

    assert "another file stands there" in box.run(status=1)


def test_what_does_not_fit_where_it_is_to_be_mounted_is_told_so(box: Box, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for source, place, reason in (
        (tmp_path / "file", "/bin", "a file cannot be mounted on a directory"),
        (tmp_path, "/bin/sh", "a directory cannot be mounted on a file"),
        (tmp_path, "/bin/busybox/beneath", "a directory cannot be mounted on a file, or beneath one"),
    ):
        box.mounted(place, source, "bind")

        assert f"mount '{place}': {reason}" in box.run(status=1)
        box.config["mounts"].pop()


def test_a_working_directory_that_is_a_file_is_told_so(box: Box) -> None:
    box.config["process"]["cwd"] = "/bin/busybox"

    assert "working directory '/bin/busybox': Not a directory" in box.run(status=1)


def test_a_mount_that_fails_says_which_and_why(box: Box) -> None:
    box.mounted("/data", "tmpfs", "size=much", kind="tmpfs")

    printed = box.run(status=1)

    assert "mount '/data'" in printed
    assert "size" in printed
