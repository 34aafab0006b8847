import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.bundles.program import Program
from runner.cli.container_flags import CREATE_FLAGS, CREATE_UNBUILT
from runner.cli.creation.program_reading import read_program
from runner.cli.errors import UsageError
from runner.cli.exec_table import EXEC, EXEC_FLAGS, EXEC_UNBUILT
from runner.cli.flags import Flag
from runner.cli.parsing import parse
from runner.containers.settings import BIND, TMPFS, VOLUME, Log, Mount, Settings
from tests.requirements import require_tool
from tests.runner.cli.creation.asking import OWN, settings


def refusal(*words: str) -> str:
    with pytest.raises(UsageError) as caught:
        settings(*words)
    assert caught.value.status == 125
    return caught.value.message


def test_an_image_alone_is_a_container_with_all_as_usual() -> None:
    assert settings("alpine") == Settings("alpine")


def test_what_follows_the_image_is_the_command_whatever_it_looks_like() -> None:
    asked = settings("-t", "alpine", "ls", "-l", "--rm", "--", "x")

    assert (asked.image, asked.command, asked.terminal) == ("alpine", ("ls", "-l", "--rm", "--", "x"), True)
    assert not asked.remove


def test_an_empty_entrypoint_takes_the_images_away() -> None:
    assert settings("--entrypoint=", "alpine").entrypoint == ()
    assert settings("--entrypoint", "sh -c", "alpine").entrypoint == ("sh -c",)


def test_variables_of_files_come_before_those_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_text("A=1\nHOME\n")

    assert settings("-eA=2", "--env-file", str(file), "x").environment == ("A=1", "HOME=/root", "A=2")


def test_mounts_of_all_three_flags_are_one_list() -> None:
    asked = settings("--tmpfs", "/c", "--mount", "type=bind,src=/s,dst=/b", "-v", "/a", "alpine")

    assert asked.mounts == (Mount(VOLUME, "/a"), Mount(BIND, "/b", "/s"), Mount(TMPFS, "/c"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-m 1x", "invalid argument '1x' for '-m, --memory' flag: invalid size"),
        ("-v /a:/b --tmpfs /b/.", "runner: Duplicate mount point: /b"),
        ("-m 5m", "Minimum memory limit allowed is 6MB"),
        ("--memory-swap 1g", "You should always set the Memory limit"),
        ("-m 1g --memory-swap 512m", "Minimum memoryswap limit"),
        ("-m 64m --memory-reservation 128m", "can not be less than memory reservation"),
        ("--cpus 1 --cpu-quota 5000", "Nano CPUs and CPU Quota cannot both be set"),
        ("--cpu-period 5", "CPU cfs period can not be less"),
        ("--blkio-weight 5", "Range of blkio weight is from 10 to 1000"),
        ("--oom-score-adj 1001", "expected a number from -1000 to 1000"),
        ("--hostname a --uts host", "conflicting options: hostname and the UTS mode"),
        ("--net container:a -p 80", "conflicting options: port publishing and the container type network mode"),
        ("--net container:a --hostname a", "conflicting options: hostname and the network mode"),
        ("--net container:a --dns 10.0.0.1", "conflicting options: dns and the network mode"),
        ("--net container:a --add-host a:10.0.0.1", "conflicting options: custom host-to-IP mapping"),
        ("--net container:a --expose 1", "conflicting options: port exposing"),
        ("--net mine", "network mine not found"),
        ("--net host --sysctl net.core.somaxconn=9", "'net.core.somaxconn' not allowed in host network namespace"),
        ("--ipc host --sysctl kernel.sem=9", "sysctl 'kernel.sem' not allowed in host ipc namespace"),
        ("--restart always", "containers are not started again yet"),
        ("--log-driver syslog", "only json-file and none are built"),
        ("--log-opt max-file=3", "max-file is set but not max-size"),
        ("--log-opt tag=x", "unknown log opt 'tag' for json-file log driver"),
        ("--pull sometimes", "expected one of always, missing, never"),
        ("--userns private", "--userns: invalid USER mode"),
        ("--add-host what", "invalid host 'what'"),
        ("--dns what", "invalid host 'what': expected an address"),
        ("--dns-option 'a b'", "expected a word"),
        ("--security-opt apparmor=x", "apparmor is not built"),
    ],
)
def test_what_cannot_be_is_refused_with_the_flags_name(words: str, message: str) -> None:
    assert message in refusal(*shlex.split(words), "alpine")


def test_a_limit_that_docker_takes_for_none_is_none() -> None:
    asked = settings("-m", "0", "--pids-limit", "0", "--cpus", "0", "--blkio-weight=0", "--shm-size", "0", "alpine")

    assert asked == Settings("alpine")


def test_output_is_kept_in_files_of_bounded_size() -> None:
    asked = settings("--log-opt", "max-size=10m", "--log-opt", "max-file=3", "alpine")

    assert asked.log == Log("json-file", 10 * 1024 * 1024, 3)
    assert settings("--log-driver=none", "alpine").log.driver == "none"


def test_a_further_program_has_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_text("A=1\n")
    words = ["-it", "-u", "app", "-w", "/srv/", "--env-file", str(file), "-e", "HOME", "box", "ls", "-l", "--user"]

    program = read_program(parse(EXEC, words), OWN)

    assert program == Program(
        ("ls", "-l", "--user"), ("A=1", "HOME=/root"), "app", "/srv", terminal=True, stdin_open=True
    )
    with pytest.raises(UsageError):
        read_program(parse(EXEC, ["-w", "srv", "box", "ls"]), OWN)


@pytest.mark.tool("docker")
@pytest.mark.parametrize(
    ("command", "flags", "unbuilt"), [("create", CREATE_FLAGS, CREATE_UNBUILT), ("exec", EXEC_FLAGS, EXEC_UNBUILT)]
)
def test_every_flag_of_dockers_is_built_or_refused_by_name(
    command: str, flags: tuple[Flag, ...], unbuilt: tuple[str, ...]
) -> None:
    printed = subprocess.run(
        [require_tool("docker"), command, "--help"], check=True, capture_output=True, text=True
    ).stdout
    known = {name for flag in flags for name in (flag.name, *flag.aliases)} | {*unbuilt, "help"}

    theirs = {word[2:] for line in printed.splitlines() for word in line.split()[:2] if word.startswith("--")}

    assert theirs - known == set()
    assert not {flag.name for flag in flags} & {*unbuilt}


def test_the_page_has_every_flag() -> None:
    page = (Path(runner.__file__).parents[1] / "docs" / "runner.md").read_text()
    section = page.partition("\n## Flags of containers\n")[2].partition("\n## ")[0]

    for flag in CREATE_FLAGS:
        assert f"--{flag.name}" in section
        assert not flag.short or f"-{flag.short}, --{flag.name}" in section
    for name in CREATE_UNBUILT:
        assert f"--{name}" in section or name.startswith("health-") or name == "net-alias"


def test_flags_are_read_with_what_a_container_start_loads_anyway() -> None:
    root = str(Path(runner.__file__).parent.parent)
    modules = "runner.cli.creation.settings_reading, runner.cli.container_flags"
    program = (
        f"import sys; sys.path.insert(0, {root!r}); import {modules};"
        "print({'dataclasses', 're', 'enum', 'json', 'pathlib', 'subprocess', 'argparse'} & sys.modules.keys())"
    )

    printed = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)

    assert printed.stdout == "set()\n"
