"""A container's root as an archive, whatever the container is doing (root)."""

from __future__ import annotations

import io
import select
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runner.containers.commands import IMAGE, Commands, kill
from tests.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox"), pytest.mark.tool("nft"), pytest.mark.tool("ip")]

QUIET = ("--network", "none")
LARGE = 4 * 1024 * 1024
# More than any pipe takes, and the last thing in the archive.
FILL = f"mkdir /zz; head -c {LARGE} /dev/urandom > /zz/large; echo filled"


def export(runner: Commands, container: str) -> bytes:
    return subprocess.run(runner.command("export", container), check=True, capture_output=True).stdout


def contents(archive: bytes) -> dict[str, bytes | str]:
    """What is in an archive: the bytes of files, and the types of all else."""
    found: dict[str, bytes | str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        for member in read:
            file = read.extractfile(member) if member.isreg() else None
            found[member.name] = member.type.decode() if file is None else file.read()
    return found


@contextmanager
def begun_export(runner: Commands, container: str) -> Iterator[subprocess.Popen[bytes]]:
    """An export that has begun, and cannot end before somebody reads more of it."""
    with subprocess.Popen(
        runner.command("export", container), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 60)[0]
            yield process
        finally:
            process.kill()


def read(process: subprocess.Popen[bytes]) -> tuple[bytes, str, int]:
    """What an export gives, says, and ends with."""
    archive, said = process.communicate(timeout=60)
    return archive, said.decode(), process.returncode


def filled(runner: Commands, *words: str) -> None:
    """A container that runs, with more in it than goes through a pipe at once."""
    script = f"{FILL}; while :; do sleep 0.02; done"
    runner("run", "-d", "--name", "full", *words, *QUIET, IMAGE, "sh", "-c", script)
    until(lambda: runner("logs", "full") == "filled\n")


def test_what_was_written_is_in_it_before_during_and_after_a_run(runner: Commands) -> None:
    script = "echo out > /out; rmdir /tmp; mkdir /made; echo ready; while :; do sleep 0.02; done"
    runner("create", "--name", "web", *QUIET, IMAGE, "sh", "-c", script)

    before = contents(export(runner, "web"))
    runner("start", "web")
    until(lambda: runner("logs", "web") == "ready\n")
    during = export(runner, "web")
    runner("stop", "--timeout", "0", "web")
    after = export(runner, "web")

    assert before["bin/busybox"] == (runner.home / "rootfs/bin/busybox").read_bytes()
    assert {"out", "made", "tmp"} & before.keys() == {"tmp"}
    assert contents(during)["out"] == b"out\n"
    assert {"out", "made", "tmp"} & contents(during).keys() == {"out", "made"}
    assert after == during


def test_what_is_mounted_in_it_is_an_empty_directory(runner: Commands, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "file").touch()
    volumes = ("-v", "/volume", "-v", f"{tmp_path}/host:/bound", "--tmpfs", "/memory")
    script = "touch /volume/x /memory/x; echo ready; while :; do sleep 0.02; done"
    runner("run", "-d", "--name", "web", *volumes, *QUIET, IMAGE, "sh", "-c", script)
    until(lambda: runner("logs", "web") == "ready\n")

    found = contents(export(runner, "web"))

    assert {name for name in found if name.split("/")[0] in {"volume", "bound", "memory", "proc", "sys"}} == {
        "volume", "bound", "memory", "proc", "sys",
    }  # fmt: skip
    assert not found["etc/resolv.conf"]


def test_what_is_imported_again_is_an_image_that_runs(runner: Commands) -> None:
    runner("run", "--name", "made", *QUIET, IMAGE, "sh", "-c", "echo words > /said; ln /said /again; chown 7:8 /said")
    archive = runner.home / "made.tar"

    runner("export", "--output", str(archive), "made")
    runner("import", "--change", "ENV PATH=/bin", str(archive), "again:1")

    printed = runner("run", "--rm", *QUIET, "again:1", "sh", "-c", "cat /said; stat -c '%u %g %h' /again")
    assert printed == "words\n7 8 2\n"
    assert [line.split()[1] for line in listed_by_tar(archive)].count("7/8") == 2
    runner("rmi", "again:1")


def listed_by_tar(archive: Path) -> list[str]:
    words = ["tar", "--numeric-owner", "-tvf", str(archive)]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()


def test_a_killed_command_leaves_nothing(runner: Commands) -> None:
    filled(runner)
    for state in ("running", "exited"):
        assert runner("ps", "-a", "--format", "{{.State}}") == f"{state}\n"
        with begun_export(runner, "full") as process:
            assert str(runner.home) not in Path("/proc/self/mountinfo").read_text()
            process.kill()
            process.wait()
        runner("stop", "--time", "0", "full")

    runner("rm", "full")
    assert runner.processes() == []


def test_a_container_may_end_while_it_is_read_and_starts_again_after_that(runner: Commands) -> None:
    filled(runner)
    with begun_export(runner, "full") as process:
        runner("kill", "full")
        until(lambda: runner("ps", "--quiet") == "")
        with runner.begun("start", "full") as starting:
            archive, said, status = read(process)
            assert starting.wait(60) == 0

    assert (said, status) == ("", 0)
    assert len(contents(archive)["zz/large"]) == LARGE


def test_a_container_is_removed_only_when_it_was_read(runner: Commands) -> None:
    filled(runner)
    with (
        begun_export(runner, "full") as process,
        begun_export(runner, "full") as other,
        runner.begun("rm", "--force", "full") as removing,
    ):
        archive, said, status = read(process)
        assert read(other)[0] == archive
        assert removing.wait(60) == 0

    assert (said, status) == ("", 0)
    assert len(contents(archive)["zz/large"]) == LARGE
    assert runner("ps", "-a", "--quiet") == ""


def test_half_an_archive_is_not_taken_for_a_whole_one(runner: Commands) -> None:
    filled(runner, "--rm")
    with begun_export(runner, "full") as process:
        kill(runner.inspect("full")["State"]["Pid"])
        until(lambda: runner("ps", "-a", "--quiet") == "")
        _, said, status = read(process)

    assert status == 1
    assert "was removed meanwhile" in said


def test_a_hostile_container_gets_nothing_of_the_host_into_it(runner: Commands) -> None:
    secret = runner.home / "secret"
    secret.mkdir()
    (secret / "key").write_text("the host's own")
    script = (
        "mkdir -p /a/b /c; echo x > /a/b/key; echo x > /c/key; echo ready; while :; do "
        f"mv /a/b /a/d; ln -s {secret} /a/b; mv /c/key /c/k; ln -s {secret}/key /c/key; rm /a/b /c/key; "
        "mv /a/d /a/b; mkfifo /c/key; rm /c/key; mv /c/k /c/key; done"
    )
    runner("run", "-d", "--name", "web", *QUIET, IMAGE, "sh", "-c", script)
    until(lambda: runner("logs", "web") == "ready\n")

    for _ in range(5):
        archive = export(runner, "web")

        assert contents(archive)["bin/busybox"]
        assert b"the host's own" not in archive


def test_what_cannot_be_exported_is_told(runner: Commands) -> None:
    assert "No such container: nobody" in runner.complaint("export", "nobody")
    runner("create", "--name", "web", *QUIET, IMAGE)
    for place in ("/dev/null", "/tmp"):
        assert "is no file" in runner.complaint("export", "-o", place, "web")
    with runner.at_terminal("export", "web") as (process, _):
        assert process.wait(60) == 1
