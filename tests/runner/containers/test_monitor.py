"""A container's run, from its order to its end, as its monitor's clients see it (root)."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runner.containers import ending, finding, liveness, protocol, reaching, records, settling, status, sweeping
from runner.containers.errors import ContainerNotRunning, ContainerRunning, ContainerUnknown, StartFailed
from runner.containers.folders import Folders, Place
from runner.containers.monitor.clients import Listener
from runner.containers.monitor.logs import LogWriter
from runner.containers.monitor.loop import Loop
from runner.containers.monitor.streams import Streams
from runner.containers.settings import BIND, TMPFS, Device, Log, Mount, Resources
from runner.containers.wakeup import Wakeup
from runner.oci.processes import is_alive
from tests.runner.containers.sites import Site, cgroups, hear_until, heard
from tests.waiting import until

pytestmark = pytest.mark.root


def test_output_errors_and_the_exit_status_come_to_the_client(site: Site) -> None:
    assert site.run("sh", "-c", "echo out; echo err >&2; exit 7") == (b"out\n", b"err\n", 7)


def test_a_signal_that_ends_it_is_told_as_shells_tell_it(site: Site) -> None:
    with site.started(site.create("sleep", "100")) as monitor:
        container = records.read(next(iter(map(site.folders.place, os.listdir(site.folders.passing)))))
        ending.kill(site.place(container), signal.SIGKILL)

        assert heard(monitor.end)[2] == 128 + signal.SIGKILL


def test_input_goes_to_the_container_and_its_end_too(site: Site) -> None:
    content = os.urandom(300_000).hex().encode() + b"\n"
    container = site.create("sh", "-c", "md5sum", stdin_open=True)

    with site.started(container) as monitor:
        for start in range(0, len(content), protocol.BLOCK):
            monitor.end.send(protocol.INPUT + content[start : start + protocol.BLOCK])
        monitor.end.send(protocol.END)
        said, _, exit_status = heard(monitor.end)

    assert said.split()[0].decode() == hashlib.md5(content).hexdigest()
    assert exit_status == 0


def test_a_client_that_leaves_ends_the_input_of_a_container_that_was_made_for_it(site: Site) -> None:
    container = site.create("cat", stdin_open=True)
    with site.started(container) as monitor:
        monitor.end.close()

        until(lambda: status.of(site.place(container)) == status.EXITED)


def test_much_output_waits_for_a_slow_client_and_comes_whole(site: Site) -> None:
    container = site.create("sh", "-c", "yes 0123456789abcdef | head -c 1000000")
    with site.started(container) as monitor:
        # As slow as can be: it reads nothing at all until the container cannot go on.
        running = records.running(site.place(container))
        assert running is not None
        waiting = Path(f"/proc/{running.pid}/wchan")
        until(lambda: monitor.end.recv(1, 0x2) != b"")
        assert waiting.exists()
        assert status.of(site.place(container)) == status.RUNNING

        assert len(heard(monitor.end)[0]) == 1_000_000


def test_a_terminal_has_the_clients_size_and_follows_it(site: Site) -> None:
    script = "trap 'stty size; exit 3' WINCH; stty size; while :; do sleep 0.02; done"
    with site.started(site.create("sh", "-c", script, terminal=True, stdin_open=True)) as monitor:
        first = hear_until(monitor.end, b"\r\n")
        monitor.end.send(protocol.size_message(50, 132))
        rest, _, exit_status = heard(monitor.end)

    assert first == b"24 80\r\n"
    assert rest == b"50 132\r\n"
    assert exit_status == 3


def test_what_is_typed_reaches_the_programs_terminal(site: Site) -> None:
    script = "trap 'exit 5' INT; read line; echo got $line; while :; do sleep 0.02; done"
    with site.started(site.create("sh", "-c", script, terminal=True, stdin_open=True)) as monitor:
        monitor.end.send(protocol.INPUT + b"words\r")
        hear_until(monitor.end, b"got words\r\n")
        monitor.end.send(protocol.INPUT + b"\x03")

        assert heard(monitor.end)[2] == 5


@pytest.mark.parametrize(
    ("words", "exit_status", "said"),
    [
        (["nothing"], 127, "executable file not found in $PATH"),
        (["/bin/nothing"], 127, "no such file or directory"),
        (["/etc/file"], 126, "permission denied"),
        (["/tmp"], 126, "is a directory"),
    ],
)
def test_a_program_that_cannot_be_executed_has_dockers_status(
    site: Site, words: list[str], exit_status: int, said: str
) -> None:
    layer = Path(site.folders.root, "layers", "a" * 64, "diff")
    (layer / "etc" / "file").write_text("x")
    container = site.create(*words)

    with pytest.raises(StartFailed, match=said.replace("$", r"\$")) as failed, site.started(container):
        pass

    assert failed.value.status == exit_status
    outcome = records.outcome(site.place(container))
    assert outcome is not None
    assert outcome.exit_code == exit_status
    assert status.of(site.place(container)) == status.CREATED


def test_a_device_that_is_missing_has_the_status_of_a_missing_program_as_with_docker(site: Site) -> None:
    for path, exit_status in (("/missing", 127), ("/etc/passwd", 125)):
        container = site.create("true", devices=(Device(path, path, "rwm"),))

        with pytest.raises(StartFailed, match="gathering device information") as failed, site.started(container):
            pass

        assert failed.value.status == exit_status


def test_the_log_has_what_was_said_on_both_streams(site: Site) -> None:
    container = site.create("sh", "-c", "echo out; echo err >&2")
    with site.started(container) as monitor:
        heard(monitor.end)

    lines = Path(site.place(container).log).read_text().splitlines()
    assert any('"log": "out\\n", "stream": "stdout"' in line for line in lines)
    assert any('"log": "err\\n", "stream": "stderr"' in line for line in lines)


def test_a_container_without_a_log_has_none(site: Site) -> None:
    container = site.create("echo", "out", log=Log("none"))
    with site.started(container) as monitor:
        heard(monitor.end)

    assert not Path(site.place(container).log).exists()


def test_the_end_is_written_down_and_it_can_be_started_again(site: Site) -> None:
    container = site.create("sh", "-c", "echo x >> /tmp/times; exit $(cat /tmp/times | wc -l)")
    codes = []
    for _ in range(2):
        with site.started(container) as monitor:
            codes.append(heard(monitor.end)[2])
            outcome = records.outcome(site.place(container))
            assert outcome is not None
            assert (outcome.exit_code, outcome.oom_killed, outcome.error) == (codes[-1], False, "")
            assert outcome.started < outcome.finished

    assert codes == [1, 2]


def test_a_container_that_is_to_be_removed_is_gone_when_its_end_is_told(site: Site) -> None:
    container = site.create("true", remove=True, name="web")
    with site.started(container) as monitor:
        heard(monitor.end)

        assert not os.path.exists(site.place(container).lasting)
        with pytest.raises(ContainerUnknown):
            finding.find(site.folders, "web")
        # The monitor is at it still, and must leave the name to whom it is given now.
        other = site.create("true", name="web")
    assert finding.find(site.folders, "web").container == other.id


def test_mounts_are_kept_until_the_end_is_told_but_for_those_of_the_users_directories(
    site: Site, tmp_path: Path
) -> None:
    kept = []
    for mounts in ((), (Mount(TMPFS, "/own"),), (Mount(BIND, "/shown", str(tmp_path)),)):
        container = site.create("sleep", "100", mounts=mounts)
        with site.started(container) as monitor:
            pid = liveness.monitor_of(site.place(container))
            opened = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
            kept.append(len([name for name in opened if name.startswith("mnt:")]))
            ending.kill(site.place(container), signal.SIGKILL)
            heard(monitor.end)

    assert kept == [1, 1, 0]


def test_want_of_memory_is_told(site: Site) -> None:
    container = site.create("sh", "-c", "tail /dev/zero", resources=Resources(memory=16 * 1024 * 1024))
    with site.started(container) as monitor:
        assert heard(monitor.end)[2] in {137, 143}

    outcome = records.outcome(site.place(container))
    assert outcome is not None
    assert outcome.oom_killed


def test_others_attach_and_hear_what_comes_from_then_on(site: Site) -> None:
    container = site.create("sh", "-c", "echo first; read line; echo $line", stdin_open=True)
    with site.started(container) as monitor:
        hear_until(monitor.end, b"first\n")
        other = reaching.connect(site.place(container))
        assert other is not None
        other.send(protocol.INPUT + b"second\n")

        assert heard(other)[0] == b"second\n"
        assert heard(monitor.end)[0] == b"second\n"
        other.close()


def test_who_waits_is_told_the_status_even_where_the_container_is_removed(site: Site) -> None:
    container = site.create("sh", "-c", "read line; exit 9", stdin_open=True, remove=True)
    codes: list[int] = []
    with site.started(container) as monitor:
        # The last that it opens of its own accord; it is told to have started before.
        until(lambda: os.path.exists(f"{site.place(container).passing}/exec"))
        connected = Path(f"/proc/{liveness.monitor_of(site.place(container))}/fd")
        before = len(os.listdir(connected))
        waiter = threading.Thread(target=lambda: codes.append(ending.wait(site.folders, site.place(container))))
        waiter.start()
        until(lambda: len(os.listdir(connected)) > before)
        monitor.end.send(protocol.INPUT + b"\n")
        heard(monitor.end)
        waiter.join(90)

    assert codes == [9]


def test_who_connects_while_it_ends_is_told_the_end(tmp_path: Path) -> None:
    place = Folders(str(tmp_path / "root"), str(tmp_path / "state")).place("c" * 64)
    os.makedirs(place.passing)
    folder = os.open(place.passing, os.O_PATH | os.O_DIRECTORY)
    listener = Listener(folder, reaching.ATTACH)
    client = reaching.connect(place)
    assert client is not None

    monitor = os.fork()
    if monitor == 0:
        try:
            # Its own streams become the container's.
            streams = Streams(terminal=False, has_input=False)
            log = LogWriter(place.log, Log("none"))
            loop = Loop(streams, log, listener, requests=None, wakeup=Wakeup(()), clients=[])
            loop.finish()
            loop.send_all(protocol.status_message(protocol.ENDED, 3))
        finally:
            os._exit(0)
    listener.close()
    os.close(folder)

    assert heard(client) == (b"", b"", 3)
    client.close()
    os.waitpid(monitor, 0)


def test_stop_asks_with_the_containers_own_signal_and_ends_it_after_a_while(site: Site) -> None:
    polite = site.create("sh", "-c", "trap 'exit 4' USR1; echo ready; while :; do sleep 0.02; done", stop_signal="USR1")
    deaf = site.create("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.02; done")
    codes = []
    for container, timeout_s in ((polite, 10), (deaf, 0)):
        with site.started(container) as monitor:
            hear_until(monitor.end, b"ready\n")
            ending.stop(site.place(container), container.settings, timeout_s=timeout_s)
            codes.append(heard(monitor.end)[2])

    assert codes == [4, 137]
    # It does not run, so there is nothing to do.
    ending.stop(site.place(polite), polite.settings)


def test_what_does_not_run_cannot_be_signalled_and_what_runs_cannot_be_removed(site: Site) -> None:
    container = site.create("sleep", "100")
    place = site.place(container)
    with pytest.raises(ContainerNotRunning):
        ending.kill(place, signal.SIGTERM)
    with site.started(container) as monitor:
        with pytest.raises(ContainerRunning):
            ending.discard(site.folders, place, force=False, with_volumes=False)
        ending.discard(site.folders, place, force=True, with_volumes=False)
        assert heard(monitor.end)[2] == 137

    with pytest.raises(ContainerUnknown):
        records.read(place)


def test_a_monitor_that_is_told_to_end_asks_its_container_to(site: Site) -> None:
    container = site.create("sh", "-c", "trap 'exit 6' TERM; echo ready; while :; do sleep 0.02; done")
    with site.started(container) as monitor:
        hear_until(monitor.end, b"ready\n")
        pid = liveness.monitor_of(site.place(container))
        assert pid is not None
        os.kill(pid, signal.SIGTERM)

        assert heard(monitor.end)[2] == 6


def test_a_killed_monitor_is_seen_and_its_container_is_ended_and_cleared_away(site: Site) -> None:
    container = site.create("sleep", "100")
    place = site.place(container)
    with site.started(container):
        pid = liveness.monitor_of(place)
        running = records.running(place)
        assert pid is not None
        assert running is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: liveness.monitor_of(place) is None)
        seen = status.of(place)

        sweeping.sweep(site.folders)

    outcome = records.outcome(place)
    assert outcome is not None
    assert seen == status.DEAD
    assert status.of(place) == status.EXITED
    assert (outcome.exit_code, outcome.error) == (137, "the monitor was killed")
    assert cgroups(container.id) == []
    assert not is_alive(running.pid, running.tick)
    assert not os.path.exists(place.passing)


def test_a_container_of_a_machine_that_was_switched_off_is_told_to_have_ended(site: Site) -> None:
    container = site.create("sleep", "100")
    place = site.place(container)
    with site.started(container) as monitor:
        written = Path(place.outcome).read_text()
        ending.end(place)
        heard(monitor.end)
    # As it would be: the monitor is gone, and all that is beneath the directory of what passes.
    Path(place.outcome).write_text(written)

    lock = settling.lock(place)
    settling.settle(site.folders, place)
    os.close(lock)

    outcome = records.outcome(place)
    assert outcome is not None
    assert outcome.exit_code == 255


def test_the_first_command_after_that_settles_all_of_them(site: Site) -> None:
    container, passing = site.create("sleep", "100"), site.create("true", remove=True, by_run=True)
    place = site.place(container)
    with site.started(container) as monitor:
        written = Path(place.outcome).read_text()
        ending.end(place)
        heard(monitor.end)
    Path(place.outcome).write_text(written)
    shutil.rmtree(site.folders.state)

    sweeping.sweep(site.folders)

    outcome = records.outcome(place)
    assert outcome is not None
    assert (status.of(place), outcome.exit_code) == (status.EXITED, 255)
    assert not os.path.exists(site.place(passing).lasting)
    with site.started(container):
        assert status.of(place) == status.RUNNING
        ending.end(place)


def bound(place: Place) -> list[str]:
    """What the sockets of a container's monitor are bound to."""
    monitor = liveness.monitor_of(place)
    opened = set()
    for path in Path(f"/proc/{monitor}/fd").iterdir():
        # It may be closed meanwhile.
        with suppress(FileNotFoundError):
            opened.add(os.readlink(path))
    lines = [line.split() for line in Path(f"/proc/{monitor}/net/unix").read_text().splitlines()[1:]]
    return [words[7] for words in lines if f"socket:[{words[6]}]" in opened and len(words) > 7]


def test_no_socket_of_a_monitors_is_reached_by_its_name_alone(site: Site) -> None:
    """CVE-2020-15257: containers with the host's network reach whatever is bound to no file."""
    container = site.create("sleep", "100")
    with site.started(container):
        place = site.place(container)
        until(lambda: {os.path.basename(name) for name in bound(place)} == {reaching.ATTACH, reaching.EXEC})
        names = bound(place)
        modes = {stat.S_IMODE(Path(folder).stat().st_mode) for folder in (site.folders.state, site.folders.passing)}
        ending.end(place)

    assert all(name.startswith("/") for name in names)
    assert modes == {0o700}


@pytest.fixture
def small_site(tmp_path: Path) -> Iterator[Site]:
    """A place for containers with little room."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], check=True)
    try:
        site = Site(place)
        yield site
        site.clear()
        until(lambda: site.left() == [])
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_container_that_fills_the_disk_has_ended_as_it_did(small_site: Site) -> None:
    container = small_site.create("sh", "-c", "dd if=/dev/zero of=/fill bs=4k; echo more; exit 3")
    place = small_site.place(container)
    with small_site.started(container) as monitor:
        assert heard(monitor.end)[0::2] == (b"more\n", 3)

    outcome = records.outcome(place)

    assert outcome is not None
    assert (status.of(place), outcome.exit_code, outcome.error) == (status.EXITED, 3, "")


def test_nothing_is_mounted_that_others_see(site: Site) -> None:
    with site.started(site.create("sleep", "100")) as monitor:
        assert site.folders.root not in Path("/proc/self/mountinfo").read_text()
        site.clear()
        heard(monitor.end)


def test_a_resting_monitor_takes_little_memory(site: Site) -> None:
    container = site.create("sleep", "100")
    with site.started(container) as monitor:
        pid = liveness.monitor_of(site.place(container))
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        pss_kib = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        site.clear()
        heard(monitor.end)

    assert pss_kib <= 10 * 1024
