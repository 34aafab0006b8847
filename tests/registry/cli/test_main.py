"""The command line as a whole: help, completion, exit codes, one-line errors, and its documentation."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from registry.cli.main import _COMMANDS, cli
from tests.registry.cli.running import ROOT, Run

HEAVY = (
    "aiohttp", "sqlalchemy", "alembic", "asyncpg", "boto3", "cryptography", "msgspec", "prometheus_client", "rich",
    "structlog",
)  # fmt: skip


def commands(group: click.Group = cli, path: str = "registry") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_loads_neither_server_nor_database(arguments: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', [name for name in {HEAVY!r} if name in sys.modules]))\n"
        "from registry.cli.main import main\n"
        f"main({arguments!r})"
    )

    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.stdout.splitlines()[-1] == "loaded []"


def test_completing_a_command_loads_neither_server_nor_database() -> None:
    words = {"_REGISTRY_COMPLETE": "bash_complete", "COMP_WORDS": "registry rep", "COMP_CWORD": "1"}

    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from registry.cli.main import main; main()"],
        cwd=ROOT,
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.stdout.split() == ["plain,repository"]
    assert not [name for name in HEAVY if re.search(rf"\| +{name}$", ended.stderr, re.MULTILINE)]


def test_the_list_of_commands_says_what_each_command_says() -> None:
    for name, (_, summary) in _COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert (command.help or "").splitlines()[0] == summary


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["srve"], "No such command"),
        (["serve", "--listn", "x"], "No such option"),
        (["serve", "x"], "unexpected extra argument"),
        (["serve", "--set", "workers"], "not of the form"),
        (["tag", "list"], "Missing argument"),
        (["tag", "list", "Team/App"], "Team/App"),
        (["tag", "rm", "team/app"], "Missing argument"),
        (["tag", "rm", "team/app", "?"], "'?'"),
        (["repository", "rm", "team/app"], "--yes"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run: Run, arguments: list[str], says: str) -> None:
    ended = run(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert says in line
    assert line.startswith("registry: ")
    assert "--help" in line


@pytest.mark.parametrize("arguments", [[], ["tag"]])
def test_a_group_without_a_command_shows_its_help(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)

    assert ended.code == 2
    assert "Commands:" in ended.err


def test_a_group_tells_what_its_commands_do_to_the_end_of_the_sentence(run: Run) -> None:
    shown = " ".join(run("robot", "--help").out.split())

    assert "print its token: it is shown this once." in shown
    assert "Say which jobs of CI systems, and other workloads, may act as a robot." in shown


def test_a_configuration_that_cannot_be_used_is_a_line_per_problem_and_code_1(run: Run) -> None:
    ended = run("serve", "--set", "a.b=1", "--listen", "0.0.0", "--workers", "x")

    assert ended.code == 1
    assert [line.split(": ")[2] for line in ended.err.splitlines()] == ["a.b", "server.listen", "server.workers"]


def test_variables_of_other_programs_are_named_in_one_line(run: Run) -> None:
    ended = run("config", "check", environment={"REGISTRY_HTTP_ADDR": "x", "REGISTRY_PORT": "y"})

    assert ended.code == 0
    (line,) = ended.err.splitlines()
    assert "REGISTRY_HTTP_ADDR, REGISTRY_PORT" in line


def test_output_that_nobody_reads_to_its_end_is_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [sys.executable, "-c", "from registry.cli.main import main; main(['config', 'show'])"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    os.close(writer)
    assert ended.returncode == 1
    assert ended.stderr == ""


def test_config_show_masks_secrets_and_names_origins(run: Run, tmp_path: Path) -> None:
    environment = {"REGISTRY_DATABASE__URL": "postgresql://u:hunter2@h/d", "REGISTRY_AUTH__ADMIN_PASSWORD": "hunter2"}

    shown = run("config", "show", "--data", "d", environment=environment)
    listed = run("config", "show", "--json", environment=environment)

    assert "hunter2" not in shown.out + shown.err + listed.out + listed.err
    assert 'url = "postgresql://u:***@h/d"  # REGISTRY_DATABASE__URL' in shown.out
    assert f'data = "{tmp_path}/d"  # command line' in shown.out
    assert json.loads(listed.out)["database"]["url"] == "postgresql://u:***@h/d"
    assert json.loads(listed.out)["auth"]["admin_password"] == "***"


def test_what_config_show_prints_is_a_configuration(run: Run, tmp_path: Path) -> None:
    shown = run("config", "show", "--set", "server.trusted_proxies=10.0.0.0/8,::1")
    (tmp_path / "config.toml").write_text(shown.out)

    again = run("config", "show", "--json", "--config", "config.toml")

    assert again.code == 0
    assert json.loads(again.out)["server"]["trusted_proxies"] == ["10.0.0.0/8", "::1/128"]


def test_migrate_makes_the_database_and_check_tells_whether_it_has(run: Run, tmp_path: Path) -> None:
    before = run("migrate", "--check", "--data", "deep/data")
    left = list(tmp_path.iterdir())
    migrated = run("migrate", "--data", "deep/data")
    after = run("migrate", "--check", "--data", "deep/data")

    assert (before.code, left) == (1, [])
    assert "registry migrate" in before.err
    assert migrated.code == 0
    assert (tmp_path / "deep/data/registry.db").is_file()
    assert after.code == 0


def test_a_database_that_cannot_be_made_is_named_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = run("migrate", "--set", "database.url=sqlite:///file/registry.db")

    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert "file" in line


def test_every_command_and_flag_is_documented_and_nothing_else_is() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    common = {"--config", "--data", "--set"}
    sections = {part.partition("`")[0]: part for part in re.split(r"^## `", text, flags=re.MULTILINE)[1:]}

    assert sorted(sections) == sorted(path for path, _ in commands())
    for path, command in commands():
        flags = {flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")}
        documented = set(re.findall(r"^\| `(--[a-z-]+)", sections[path], re.MULTILINE))
        assert documented == flags - common, path
        for argument in (parameter for parameter in command.params if isinstance(parameter, click.Argument)):
            assert argument.make_metavar(click.Context(command)).strip("[]") in sections[path], path


@pytest.mark.parametrize("page", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))])
def test_every_command_line_in_the_documentation_can_be_typed(page: str) -> None:
    text = (ROOT / page).read_text().replace("\\\n", " ")
    for line in re.findall(r"^\$ (?:\S+=\S+ )*(?:\.venv/bin/)?registry (.+)$", text, re.MULTILINE):
        command: click.Command = cli
        context = click.Context(cli)
        words = shlex.split(line.partition(" | ")[0].replace("…", ""), comments=True)
        while isinstance(command, click.Group):
            name = words.pop(0)
            known = command.get_command(context, name)
            assert known is not None, line
            command = known
        command.make_parser(context).parse_args(words)


def test_every_command_has_a_summary_and_a_help() -> None:
    for path, command in commands():
        assert command.help, path
        assert not command.get_short_help_str(limit=200).endswith("..."), path
        for option in (parameter for parameter in command.params if isinstance(parameter, click.Option)):
            assert option.help, f"{path} {option.name}"
