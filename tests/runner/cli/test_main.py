"""The command line as a whole: what it loads, its errors, and its documentation."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.cli.flags import Command
from runner.cli.main import main
from runner.cli.table import COMMANDS
from runner.host.capabilities import lacks

ROOT = Path(runner.__file__).parent.parent
PAGE = (ROOT / "docs/runner.md").read_text()

# What the interpreter has loaded anyway, or what costs next to nothing; each line was looked at.
ALLOWED = {
    "__future__", "_blake2", "_collections", "_collections_abc", "_ctypes", "_json", "_signal", "_socket", "_stat",
    "_struct", "errno", "fcntl", "genericpath", "math", "os", "os.path", "posixpath", "resource", "select", "stat",
    "struct", "termios", "tty",
}  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, *words: str) -> tuple[int, str, str]:
    status = main(["--root", str(tmp_path / "store"), "--state", str(tmp_path / "state"), *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def loaded_by(program: str) -> set[str]:
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "before = set(sys.modules)\n"
        f"{program}\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["runner.cli.running", "runner.cli.commands.start", "runner.containers.monitor.main"]
)
def test_the_way_of_a_start_loads_next_to_nothing(module: str) -> None:
    loaded = loaded_by(f"import runner.cli.main, runner.cli.parsing, runner.cli.table, {module}")

    others = {name for name in loaded if not name.startswith(("runner.", "oci_spec."))} - {"runner", "oci_spec"}
    assert others <= ALLOWED
    assert not {name for name in loaded if name.startswith(("runner.images", "runner.layers", "runner.registries"))}


def test_what_is_loaded_before_a_monitor_is_begun_is_less_still() -> None:
    loaded = loaded_by("import runner.cli.main, runner.containers.spawning")

    assert not loaded & {"_ctypes", "select", "_struct", "runner.cli.table", "runner.containers.settings"}


@pytest.mark.parametrize("command", ["ps", "logs", "stop", "kill", "rm", "wait", "attach"])
def test_commands_about_containers_load_nothing_that_reads_images(command: str) -> None:
    assert not loaded_by(f"import runner.cli.commands.{command}") & {"dataclasses", "inspect", "oci_spec.image_config"}


def test_a_monitor_that_was_begun_for_a_run_that_cannot_be_ends(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words in (["run", "--nothing", "x"], ["run", "--help"], ["run"]):
        run(capsys, tmp_path, *words)

    pid = os.getpid()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert not [child for child in children if "monitor/launch.py" in Path(f"/proc/{child}/cmdline").read_text()]


def test_to_execute_a_further_program_next_to_nothing_is_loaded() -> None:
    loaded = loaded_by("import runner.cli.main, runner.cli.commands.exec, runner.cli.further")

    assert not loaded & {"_ctypes", "runner.containers.settings", "runner.containers.records", "runner.oci.execution"}
    assert not loaded & {"_json", "_struct", "fcntl", "select"}
    assert len([name for name in loaded if name.startswith("runner.")]) < 50


def test_before_a_monitor_is_asked_for_a_further_program_less_still_is_loaded() -> None:
    loaded = loaded_by("import runner.cli.main, runner.cli.exec_table, runner.cli.parsing, runner.cli.commands.exec")

    assert not loaded & {"select", "fcntl", "_struct", "_json", "runner.cli.table", "runner.containers.sweeping"}
    assert len([name for name in loaded if name.startswith("runner.")]) < 25


def test_a_command_line_that_starts_containers_leaves_the_runtime_to_the_monitor() -> None:
    assert not loaded_by("import runner.cli.main, runner.cli.running") & {"runner.oci.creation", "runner.oci.initial"}


def test_a_monitor_leaves_what_is_prepared_to_the_command_line() -> None:
    loaded = loaded_by("import runner.containers.monitor.main")

    assert not loaded & {"runner.containers.bundling", "runner.containers.overlay", "runner.bundles.making"}
    assert not loaded & {"runner.bundles.errors", "runner.network.errors", "runner.network.files"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_and_its_flags_are_on_the_page_and_in_its_help(
    command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    section = PAGE.partition(f"\n## `runner {command.name}`")[2].partition("\n## ")[0]
    assert section, f"docs/runner.md has no section of runner {command.name}"
    if "(#flags-of-containers)" in section:
        section += PAGE.partition("\n## Flags of containers\n")[2].partition("\n## ")[0]
    status, text, _ = run(capsys, tmp_path, *command.name.split(), "--help")

    assert status == 0
    assert text.startswith(f"Usage:  runner {command.name}")
    for flag in command.flags:
        shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        assert shown in text
        assert f"`{shown}" in section
    for name in command.unbuilt:
        assert f"`--{name}`" in section or name.startswith("health-") or name == "net-alias"
    for alias in command.aliases:
        assert f"`runner {alias}`" in section


def test_the_page_knows_no_other_commands() -> None:
    assert set(re.findall(r"^## `runner ([a-z ]+)`", PAGE, re.MULTILINE)) == {command.name for command in COMMANDS}


def test_every_function_of_templates_is_on_the_page() -> None:
    from runner.cli.templates.functions import FUNCTIONS

    section = PAGE.partition("\n## Templates")[2].partition("\n## ")[0]
    assert all(f"`{name}`" in section for name in FUNCTIONS)


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words in ((), ("--help",), ("help",)):
        status, text, _ = run(capsys, tmp_path, *words)
        assert status == 0
        assert all(f"  {command.name} " in text for command in COMMANDS)


def test_help_before_a_command_is_the_same_as_behind_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, tmp_path, "help", "image", "ls") == run(capsys, tmp_path, "images", "--help")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nothing"], 1, "unknown command: runner nothing"),
        (["image", "nothing"], 1, "unknown command: runner image nothing"),
        (["help", "nothing"], 1, "unknown command: runner nothing"),
        (["--nothing"], 125, "unknown flag: --nothing"),
        (["pull"], 1, "'runner pull' requires 1 argument"),
        (["pull", "--disable-content-trust", "x"], 125, "--disable-content-trust is a flag of docker's"),
        (["pull", "UPPER"], 1, "invalid image name 'UPPER'"),
        (["pull", "--platform", "nonsense", "x"], 1, "invalid platform 'nonsense'"),
        (["pull", "-a", "x:1"], 1, "tag can't be used with --all-tags/-a"),
        (["rmi", "x"], 1, "Error: No such image: x"),
        (["tag", "x", "y"], 1, "Error: No such image: x"),
        (["inspect", "x"], 1, "Error: No such object: x"),
        (["inspect", "--type", "volume", "x"], 1, "'volume' is not a valid value for --type"),
        (["images", "--filter", "x=y"], 1, "invalid filter 'x=y'"),
        (["images", "--filter", "dangling=perhaps"], 1, "invalid filter 'dangling=perhaps'"),
        (["images", "--filter", "until=soon"], 1, "invalid filter 'until=soon'"),
        (["images", "--format", "{{"], 1, "template parsing error"),
        (["push", "x"], 1, "An image does not exist locally with the tag: x"),
        (["push", "-a", "x"], 1, "An image does not exist locally with the tag: x"),
        (["push", "x@sha256:" + "0" * 64], 1, "cannot push a digest reference"),
        (["history", "x"], 1, "No such image: x"),
        (["save", "-o", "/nonexistent/x", "x"], 1, "No such image: x"),
        (["load", "-i", "/nonexistent/x"], 1, "No such file or directory"),
        (["import", "/nonexistent/x"], 1, "No such file or directory"),
        (["import", "https://a.example/x"], 1, "reads no URLs"),
        (["import", "--change", "RUN x", "/dev/null"], 1, "RUN is none of CMD"),
        (["login", "--password-stdin", "x"], 1, "Must provide --username with --password-stdin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_told_in_few_lines(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: list[str], status: int, said: str
) -> None:
    found, _, errors = run(capsys, tmp_path, *words)

    assert found == status
    assert said in errors
    assert len(errors.splitlines()) <= 5


def test_a_forced_removal_of_what_is_not_there_is_no_failure(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, tmp_path, "rmi", "--force", "x")[0] == 0


def test_an_empty_store_lists_nothing_and_has_nothing_to_give_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, tmp_path, "images")[1] == "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n"
    assert run(capsys, tmp_path, "image", "ls", "-q")[1] == ""
    assert run(capsys, tmp_path, "image", "prune", "-f")[1] == "Total reclaimed space: 0B\n"


def test_what_the_machine_has_and_lacks_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, text, _ = run(capsys, tmp_path, "info")
    document = json.loads(run(capsys, tmp_path, "info", "--format", "json")[1])

    assert status == 0
    assert f" Kernel Version: {os.uname().release}\n" in text
    assert document["Images"] == 0
    assert document["CgroupMode"] in {"v1", "v2", "hybrid", "none"}
    assert all(isinstance(document[name], bool) for name in ("Overlay", "NfTables", "Seccomp", "UserNamespaces"))
    assert text.count("WARNING: ") == len(document["Warnings"])


def test_each_thing_that_is_missing_is_named_with_what_brings_it() -> None:
    nothing = {
        "CgroupControllers": [], "CgroupMode": "none", "Overlay": False, "NfTables": False, "Seccomp": False,
        "UserNamespaces": False, "IsRoot": False,
    }  # fmt: skip

    said = "\n".join(lacks(nothing))

    for cure in (
        "CONFIG_MEMCG",
        "CONFIG_OVERLAY_FS",
        "libnftables1",
        "CONFIG_SECCOMP_FILTER",
        "CONFIG_USER_NS",
        "root",
    ):
        assert cure in said
    everything = dict.fromkeys(nothing, True) | {"CgroupControllers": ["blkio", "cpu", "cpuset", "memory", "pids"]}
    assert lacks({**everything, "CgroupMode": "v2"}) == []


@pytest.mark.parametrize("group", ["image", "container"])
def test_a_group_of_commands_is_listed(group: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = {name for command in COMMANDS for name in (command.name, *command.aliases) if name.startswith(f"{group} ")}

    for words in ((group,), (group, "--help")):
        status, text, _ = run(capsys, tmp_path, *words)
        assert status == 0
        assert {f"{group} {line.split()[0]}" for line in text.splitlines()[3:]} == names
    status, _, said = run(capsys, tmp_path, group, "bogus")
    assert (status, f"unknown command: runner {group} bogus" in said) == (1, True)


def test_what_the_system_refuses_is_told_in_its_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, said = run(capsys, tmp_path, "load", "-i", "/nothing")

    assert (status, said) == (1, "Error: /nothing: No such file or directory\n")
