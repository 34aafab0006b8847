"""Containers that share namespaces, and images that are made to harm, by the command as its users call it (root)."""

from pathlib import Path

import pytest

from tests.requirements import require_tool
from tests.runner.containers.commands import IMAGE, Commands

pytestmark = pytest.mark.root

WAIT = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")


def test_a_container_joins_the_namespaces_of_another(runner: Commands) -> None:
    runner("run", "-d", "--name", "one", "--hostname", "first", IMAGE, *WAIT)
    script = "for kind in pid net uts; do readlink /proc/self/ns/$kind; done"

    own = runner("exec", "one", "sh", "-c", script).split()
    joined = ("--network=container:one", "--pid=container:one")
    told = runner("run", "--rm", *joined, IMAGE, "sh", "-c", f"{script}; grep -o first /etc/hosts").split()

    assert told[:2] == own[:2]
    assert told[2] != own[2]
    assert told[3] == "first"


def test_shared_memory_is_one_and_outlasts_who_joined_it(runner: Commands) -> None:
    runner("run", "-d", "--name", "one", "--ipc=shareable", "--shm-size=1m", IMAGE, *WAIT)
    runner("exec", "one", "sh", "-c", "echo first > /dev/shm/file")

    script = "readlink /proc/self/ns/ipc; cat /dev/shm/file; echo second > /dev/shm/other; df -k /dev/shm | tail -n 1"
    told = runner("run", "--rm", "--ipc=container:one", IMAGE, "sh", "-c", script).split()

    assert told[0] == runner("exec", "one", "readlink", "/proc/self/ns/ipc").strip()
    assert told[1] == "first"
    assert "1024" in told
    # What was made for the other one is cleared away, and nothing in it.
    assert runner("exec", "one", "sh", "-c", "cat /dev/shm/file /dev/shm/other").split() == ["first", "second"]


def test_the_shared_memory_of_a_container_is_looked_for_in_its_root(runner: Commands) -> None:
    """Its programs decide what its links say."""
    mounted = ("--ipc=shareable", "--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined")
    runner("run", "-d", "--name", "one", *mounted, IMAGE, *WAIT)
    runner("exec", "one", "sh", "-c", "umount /dev/shm && rmdir /dev/shm && ln -s /etc /dev/shm")
    runner("exec", "one", "sh", "-c", "echo inside > /etc/mark")

    told = runner("run", "--rm", "--ipc=container:one", IMAGE, "sh", "-c", "cat /dev/shm/mark; ls /dev/shm")

    assert told.split()[0] == "inside"
    assert "passwd" not in told


def test_memory_that_nobody_shares_is_not_joined(runner: Commands) -> None:
    runner("run", "-d", "--name", "one", IMAGE, *WAIT)

    _, told = runner.both("run", "--rm", "--ipc=container:one", IMAGE, "true", status=125)

    assert "non-shareable IPC" in told


@pytest.mark.parametrize("flag", ["--network", "--ipc", "--pid"])
def test_the_namespace_of_a_container_that_does_not_run_is_not_joined(flag: str, runner: Commands) -> None:
    runner("create", "--name", "one", "--ipc=shareable", IMAGE, "true")

    _, told = runner.both("run", "--rm", f"{flag}=container:one", IMAGE, "true", status=125)

    assert "it does not run" in told
    assert "No such container" in runner.both("run", "--rm", f"{flag}=container:none", IMAGE, "true", status=125)[1]


def image_of(runner: Commands, name: str, *changes: str) -> str:
    """An image with another configuration; its name."""
    words = [word for change in changes for word in ("--change", change)]
    runner("import", "--change", "ENV PATH=/bin", *words, str(runner.home / "rootfs"), name)
    return name


def test_a_user_of_the_image_that_is_no_id_is_refused_and_not_root(runner: Commands) -> None:
    for number, user in enumerate(("4294967295", "-1", "99999999999", "nobody")):
        image = image_of(runner, f"user:{number}", f"USER {user}")

        assert "unable to find" in runner.both("run", "--rm", image, "id", "-u", status=125)[1]


def test_a_link_as_the_images_file_of_users_reads_none_of_the_hosts(runner: Commands) -> None:
    rootfs = runner.home / "rootfs"
    (rootfs / "etc/passwd").symlink_to("/proc/1/root/etc/passwd")
    try:
        image = image_of(runner, "link:1")
    finally:
        (rootfs / "etc/passwd").unlink()

    assert "unable to find" in runner.both("run", "--rm", "-u", "daemon", image, "id", status=125)[1]


def test_a_volume_of_the_image_at_proc_is_refused(runner: Commands) -> None:
    image = image_of(runner, "volume:1", "VOLUME /proc")

    assert "no place for a volume" in runner.both("run", "--rm", image, "true", status=125)[1]


def test_dots_in_volumes_lead_nowhere_else(runner: Commands, tmp_path: Path) -> None:
    runner("run", "--rm", "-v", f"{tmp_path}:/../../made", IMAGE, "touch", "/made/here")

    assert (tmp_path / "here").exists()
    assert not Path("/made").exists()
    for source in ("../../etc", "..", "a/../b"):
        # Taken from the working directory, or no name of a volume: never a directory of the runner's.
        told = runner.both("run", "--rm", "-v", f"vol/{source}:/x", IMAGE, "true", status=125)[1]
        assert "includes invalid characters for a local volume name" in told


@pytest.mark.tool("runc")
def test_another_runtime_executes_further_programs(runner: Commands) -> None:
    runner("run", "-d", "--name", "other", "--runtime", str(require_tool("runc")), IMAGE, *WAIT)

    assert runner("exec", "-e", "A=1", "other", "sh", "-c", "echo $A; exit 4", status=4) == "1\n"
    runner("exec", "other", "not-there", status=127)
