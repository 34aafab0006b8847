"""A container's life as the runtime specification has it, and what is told of it after a kill -9 (root)."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from runner.cgroups import group, hierarchies
from tests.runner.oci.bundles import Box, Runtime
from tests.waiting import until

pytestmark = pytest.mark.root


def cgroup_processes(box: Box) -> set[int]:
    return group.find(hierarchies.detect(), box.linux["cgroupsPath"]).processes()


def test_a_container_is_created_started_and_deleted(box: Box) -> None:
    box.shell("echo hello > /tmp/said; sleep 100")

    box.create("--pid-file", str(box.bundle / "pid"))
    created = box.state()
    box.start()
    running = box.state()
    until((box.rootfs / "tmp" / "said").exists)
    box.runtime("kill", box.id, "KILL")
    until(lambda: box.state()["status"] == "stopped")
    stopped = box.state()
    box.delete()

    assert created["status"] == "created"
    assert created["pid"] == int((box.bundle / "pid").read_text())
    assert running["status"] == "running"
    assert (stopped["status"], stopped["pid"]) == ("stopped", 0)
    assert created["bundle"] == str(box.bundle)
    assert created["ociVersion"] == "1.0.2"
    assert "does not exist" in box.runtime("state", box.id, status=1)


def test_the_program_begins_only_with_start_and_start_comes_back_only_then(box: Box) -> None:
    box.shell("echo begun > /tmp/begun; sleep 100")
    box.create()

    assert not (box.rootfs / "tmp" / "begun").exists()
    box.start()
    assert Path(f"/proc/{box.state()['pid']}/exe").readlink().name == "busybox"


def test_what_is_changed_in_config_json_after_create_has_no_effect(box: Box) -> None:
    box.shell("echo first > /tmp/said").create()
    box.shell("echo second > /tmp/said").write()

    box.start()

    said = box.rootfs / "tmp" / "said"
    # A shell makes the file before it writes.
    until(lambda: said.exists() and said.read_text() != "")
    assert said.read_text() == "first\n"


@pytest.mark.parametrize("status", ["created", "running", "stopped"])
def test_operations_are_refused_in_the_wrong_state(box: Box, status: str) -> None:
    box.process["args"] = ["sleep", "100"] if status != "stopped" else ["true"]
    box.create()
    if status != "created":
        box.start()
    until(lambda: box.state()["status"] == status)

    assert "exists already" in box.create(status=1)
    if status != "created":
        assert f"it is {status}" in box.start(status=1)
    if status != "stopped":
        assert f"it is {status}" in box.delete(status=1)
    else:
        assert "container not running" in box.runtime("kill", box.id, "KILL", status=1)
        assert "it is stopped" in box.exec("true", status=1)
    assert box.state()["status"] == status


def test_a_container_that_does_not_exist_can_be_deleted_by_force_only(runtime: Runtime) -> None:
    assert "does not exist" in runtime("delete", "nobody", status=1)
    assert runtime("delete", "--force", "nobody") == ""
    for command in (["start"], ["state"], ["kill"], ["exec"], ["pause"], ["ps"]):
        assert "does not exist" in runtime(*command, "nobody", *(["true"] if command == ["exec"] else []), status=1)


@pytest.mark.parametrize("name", ["", ".hidden", "..", "a/b", "a b", "a\nb", "x" * 1025])
def test_a_name_that_could_be_a_path_is_none(box: Box, name: str) -> None:
    box.write()

    assert "invalid container ID" in box.runtime("create", "--bundle", box.bundle, name, status=1)


def test_run_gives_the_programs_output_and_exit_status(box: Box) -> None:
    assert box.shell("echo out; echo err >&2; exit 7").run(status=7) == "out\nerr\n"
    assert box.runtime.names() == []


def test_run_tells_a_signal_as_shells_do_and_passes_signals_on(box: Box) -> None:
    box.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done").write()
    command = box.runtime.command("run", "--bundle", box.bundle, box.id)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)

        assert process.wait(90) == 3


def test_the_exit_status_of_a_killed_program_is_that_of_shells(box: Box) -> None:
    box.namespaces(pid=None)

    box.shell("kill -9 $$").run(status=128 + 9)


@pytest.mark.parametrize("text", ["KILL", "SIGKILL", "9", "kill"])
def test_signals_have_names_and_numbers(box: Box, text: str) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()

    box.runtime("kill", box.id, text)

    until(lambda: box.state()["status"] == "stopped")


def test_kill_all_reaches_processes_that_outlive_the_first(box: Box) -> None:
    box.namespaces(pid=None)
    box.shell("sleep 100 & exit 0")
    box.create()
    box.start()
    until(lambda: box.state()["status"] == "stopped")
    assert len(cgroup_processes(box)) == 1

    box.runtime("kill", "--all", box.id, "TERM")

    until(lambda: not cgroup_processes(box))


def test_a_container_is_paused_and_goes_on(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    box.runtime("pause", box.id)
    paused = box.state()["status"]
    refused = box.exec("true", status=1)
    box.runtime("resume", box.id)

    assert paused == "paused"
    assert "it is paused" in refused
    assert box.state()["status"] == "running"


def test_a_paused_container_can_be_killed(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    box.runtime("pause", box.id)

    box.runtime("kill", box.id, "KILL")

    until(lambda: box.state()["status"] == "stopped")


def test_processes_and_containers_are_listed(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    state = box.state()

    assert json.loads(box.runtime("ps", "--format", "json", box.id)) == [state["pid"]]
    assert "sleep 100" in box.runtime("ps", box.id)
    (listed,) = json.loads(box.runtime("list", "--format", "json"))
    assert (listed["id"], listed["status"], listed["pid"]) == (box.id, "running", state["pid"])
    assert f"{box.id}" in box.runtime("list")


def test_limits_are_set_and_updated_while_it_runs(box: Box) -> None:
    box.linux["resources"] = {"pids": {"limit": 50}, "memory": {"limit": 64 * 2**20}}
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()

    update = box.bundle / "update.json"
    update.write_text(json.dumps({"pids": {"limit": 20}}))
    box.runtime("update", "--resources", update, box.id)

    folder = hierarchies.detect().require("pids")
    assert Path(f"{folder.mount}{box.linux['cgroupsPath']}/pids.max").read_text() == "20\n"


def test_exec_follows_programs_that_have_made_cgroups_of_their_own(box: Box) -> None:
    """As systemd and dockerd do: then version 2 takes no processes in the container's own cgroup."""
    unified = hierarchies.detect().unified
    if unified is None or not unified.controllers:
        pytest.skip("no controller is in version 2 here")
    box.process["args"] = ["sleep", "100"]
    box.create()
    box.start()
    own = Path(unified.mount + box.linux["cgroupsPath"])
    (own / "init").mkdir()
    (own / "init" / "cgroup.procs").write_text(str(box.state()["pid"]))
    (own / "cgroup.subtree_control").write_text(f"+{min(unified.controllers)}")

    assert box.exec("cat", "/proc/self/cgroup").splitlines()[-1] == "0::/init"


def test_hooks_run_at_their_points_with_the_state_on_stdin(box: Box) -> None:
    told = box.bundle / "told"
    told.mkdir()
    script = box.bundle / "hook"
    script.write_text('#!/bin/sh\n/bin/busybox cat > "$2/$1"\n')
    script.chmod(0o755)
    (box.rootfs / "hook").write_text("#!/bin/sh\ncat > /tmp/startContainer\n")
    (box.rootfs / "hook").chmod(0o755)
    points = ("prestart", "createRuntime", "createContainer", "poststart", "poststop")
    box.config["hooks"] = {
        point: [{"path": str(script), "args": ["hook", point, str(told)], "env": ["A=1"]}] for point in points
    }
    box.config["hooks"]["startContainer"] = [{"path": "/hook", "env": ["PATH=/bin"]}]
    box.process["args"] = ["sleep", "100"]

    box.create()
    after_create = {path.name for path in told.iterdir()}
    pid = box.state()["pid"]
    box.start()
    until((told / "poststart").exists)
    box.delete("--force")

    states = {path.name: json.loads(path.read_text()) for path in told.iterdir()}
    assert after_create == {"prestart", "createRuntime", "createContainer"}
    assert {name: state["status"] for name, state in states.items()} == {
        "prestart": "creating",
        "createRuntime": "creating",
        "createContainer": "creating",
        "poststart": "running",
        "poststop": "stopped",
    }
    assert states["prestart"]["pid"] == states["createContainer"]["pid"] == states["poststart"]["pid"] == pid
    assert json.loads((box.rootfs / "tmp" / "startContainer").read_text())["status"] == "created"


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ({"path": "/bin/false"}, "exit status 1"),
        ({"path": "/not/there"}, "No such file"),
        ({"path": "/bin/sleep", "args": ["sleep", "100"], "timeout": 1}, "took longer than 1 s"),
    ],
)
@pytest.mark.parametrize("point", ["prestart", "createContainer"])
def test_a_hook_that_fails_before_the_program_leaves_nothing(
    box: Box, hook: dict[str, object], reason: str, point: str
) -> None:
    box.config["hooks"] = {point: [hook]}

    told = box.create(status=1)

    assert point in told
    assert reason in told
    assert box.runtime.names() == []
    assert cgroup_processes(box) == set()


def test_a_hook_that_fails_afterwards_is_a_warning(box: Box) -> None:
    said = box.bundle / "said"
    failing, following = {"path": "/bin/false"}, {"path": "/bin/touch", "args": ["touch", str(said)]}
    box.config["hooks"] = {"poststart": [failing, following], "poststop": [failing]}

    assert "warning: poststart hook '/bin/false'" in box.run()
    assert said.exists()


def test_a_program_that_is_not_there_is_told_by_create(box: Box) -> None:
    box.process["args"] = ["not-there"]

    assert "executable file not found in $PATH" in box.create(status=1)
    assert box.runtime.names() == []


def test_messages_go_to_the_log_file_as_json(box: Box) -> None:
    log = box.bundle / "log.json"
    box.process["args"] = ["not-there"]
    box.write()

    box.runtime("--log", log, "--log-format", "json", "create", "--bundle", box.bundle, box.id, status=1)

    (line,) = log.read_text().splitlines()
    entry = json.loads(line)
    assert entry["level"] == "error"
    assert "executable file not found" in entry["msg"]


def test_a_creator_that_is_killed_leaves_a_container_that_is_told_and_deleted(box: Box) -> None:
    fifo = box.bundle / "stop"
    os.mkfifo(fifo)
    box.config["hooks"] = {"prestart": [{"path": "/bin/cat", "args": ["cat", str(fifo)]}]}
    box.process["args"] = ["sleep", "100"]
    box.write()
    creator = subprocess.Popen(box.runtime.command("create", "--bundle", box.bundle, box.id), stderr=subprocess.DEVNULL)
    until(lambda: box.id in box.runtime.names() and len(cgroup_processes(box)) == 1)
    assert box.state()["status"] == "creating"

    # Opened as soon as the hook is there to read: killed before, its creator would never begin one.
    with fifo.open("wb"):
        creator.kill()
        creator.wait()

    until(lambda: not cgroup_processes(box))
    assert box.state()["status"] == "stopped"
    box.delete()


def test_a_first_process_that_is_killed_before_start_is_told_as_stopped(box: Box) -> None:
    box.create()

    os.kill(box.state()["pid"], signal.SIGKILL)

    until(lambda: box.state()["status"] == "stopped")
    assert "it is stopped" in box.start(status=1)
    box.delete()


def test_kill_nine_at_any_moment_leaves_nothing_that_cannot_be_deleted(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.write()
    for round_ in range(12):
        creator = subprocess.Popen(
            box.runtime.command("run", "--detach", "--bundle", box.bundle, box.id),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        threading.Timer(0.03 * round_, creator.kill).start()
        creator.wait()

        box.delete("--force")

        until(lambda: not cgroup_processes(box))
        assert box.runtime.names() == []


def test_what_a_killed_maker_left_half_made_is_removed(runtime: Runtime) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    left, made = runtime.root / f".new-{ended.pid}", runtime.root / f".new-{os.getpid()}"
    for folder in (left, made):
        folder.mkdir(parents=True)
        (folder / "lock").touch()

    runtime.names()

    assert not left.exists()
    assert made.exists()
    (made / "lock").unlink()
    made.rmdir()


@pytest.mark.parametrize("left", [["lock"], []])
def test_what_a_killed_remover_left_is_removed_by_the_next(runtime: Runtime, left: list[str]) -> None:
    place = runtime.root / "half"
    place.mkdir(parents=True)
    for name in left:
        (place / name).touch()

    runtime("delete", "--force", "half")

    assert not place.exists()


def test_two_that_create_one_name_do_not_disturb_each_other(box: Box) -> None:
    box.process["args"] = ["sleep", "100"]
    box.write()
    command = box.runtime.command("create", "--bundle", box.bundle, box.id)
    creators = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(4)
    ]

    statuses = sorted(creator.wait(60) for creator in creators)

    assert statuses == [0, 1, 1, 1]
    assert box.state()["status"] == "created"


def test_what_is_not_built_is_refused_by_name(box: Box) -> None:
    box.write()

    for words, name in (
        (["--systemd-cgroup", "list"], "--systemd-cgroup"),
        (["create", "--bundle", str(box.bundle), "--no-pivot", box.id], "--no-pivot"),
        (["checkpoint", box.id], "checkpoint"),
        (["create", "--criu", "x", box.id], "--criu"),
    ):
        assert name in box.runtime(*words, status=2)


def test_features_and_version_are_told(runtime: Runtime) -> None:
    features = json.loads(runtime("features"))

    assert features["ociVersionMin"] == "1.0.0"
    assert "CAP_CHECKPOINT_RESTORE" in features["linux"]["capabilities"]
    assert set(features["linux"]["namespaces"]) == {
        "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts",
    }  # fmt: skip
    assert runtime("--version").startswith("runner-oci version ")
    assert "create" in runtime("--help")
    assert "--bundle" in runtime("create", "--help")
