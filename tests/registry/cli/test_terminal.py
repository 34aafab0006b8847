"""What commands do on a terminal: tables with a head, colours unless they are unwanted, questions, and bars."""

import asyncio
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from registry.app.assembly import open_services
from registry.config import load
from tests.registry.cli.running import ROOT, Run
from tests.registry.pushing import Pusher

OnTerminal = Callable[..., tuple[int, str]]


@pytest.fixture
def on_terminal(tmp_path: Path, migrated_sqlite_file: Path) -> OnTerminal:
    """Run a command on an empty registry with a terminal for all three streams; the code and what was on the screen."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")

    def run(*arguments: str, answer: str = "", **environment: str) -> tuple[int, str]:
        screen, terminal = pty.openpty()
        inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM"}}
        process = subprocess.Popen(
            [sys.executable, "-c", "from registry.cli.main import main; main()", *arguments, "--data", str(tmp_path)],
            env={**inherited, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", **environment},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        os.write(screen, answer.encode())
        shown = b""
        # A terminal whose last process has ended gives an error, not an end of file.
        with suppress(OSError):
            while block := os.read(screen, 4096):
                shown += block
        os.close(screen)
        return process.wait(), shown.decode()

    return run


def test_a_terminal_that_is_too_narrow_for_a_table_gets_a_line_for_each_value(on_terminal: OnTerminal) -> None:
    on_terminal("org", "create", "crew")

    wide, narrow = [plain(on_terminal("audit", "list", NO_COLOR="1", COLUMNS=width)[1]) for width in ("120", "60")]

    head, row = wide.splitlines()[:2]
    columns = ["ID", "TIME", "ACTOR", "CREDENTIAL", "ACTION", "TARGET", "OUTCOME", "ADDRESS", "DETAIL"]
    assert head.split() == columns
    assert "organisation.made  crew" in row
    lines = [line.partition(" ") for line in narrow.splitlines()]
    assert [name for name, _, _ in lines] == columns
    values = {name: value.strip() for name, _, value in lines}
    assert (values["ACTION"], values["TARGET"], values["ADDRESS"]) == ("organisation.made", "crew", "")


def plain(shown: str) -> str:
    """What was shown, without bold letters."""
    return re.sub(r"\x1b\[\d*m", "", shown)


def test_a_table_has_a_head_and_obeys_no_color(on_terminal: OnTerminal) -> None:
    code, coloured = on_terminal("repository", "list")
    _, plain = on_terminal("repository", "list", NO_COLOR="1")

    assert code == 0
    assert "REPOSITORY" in coloured
    assert "REPOSITORY" in plain
    assert "\x1b[3" not in plain


@pytest.mark.parametrize(("answer", "says"), [("n\n", "aborted"), ("y\n", "team/none does not exist")])
def test_removing_a_repository_asks_first(on_terminal: OnTerminal, answer: str, says: str) -> None:
    code, shown = on_terminal("repository", "rm", "team/none", answer=answer)

    assert code == 1
    assert "Remove team/none with all its tags and manifests?" in shown
    assert says in shown


@pytest.fixture
def filled(tmp_path: Path, on_terminal: OnTerminal) -> None:
    """An image of a layer of 3 MiB in that registry."""

    async def fill() -> None:
        async with open_services(load(environment={}, flags={"server.data": str(tmp_path)})) as services:
            await Pusher.to(services, "team/app").image("1", config=b"{}", layers=[bytes(3 << 20)])

    asyncio.run(fill())


@pytest.mark.parametrize(
    ("arguments", "stage", "amount"),
    [
        (["verify"], "reading", "100% 3.0 MiB of 3.0 MiB"),
        (["gc", "--dry-run"], "blobs", "0"),
        (["gc", "--reconcile"], "blobs", "100% 2 of 2"),
    ],
)
def test_a_long_command_shows_a_bar_and_takes_it_away(
    on_terminal: OnTerminal, filled: None, tmp_path: Path, arguments: list[str], stage: str, amount: str
) -> None:
    code, shown = on_terminal(*arguments, NO_COLOR="1")

    assert code == 0
    last = shown.rindex(f"{stage} ")
    line, _, rest = shown[last:].partition("\r")
    assert re.fullmatch(rf"{stage} [━╸╺ ]+ {re.escape(amount)}( .*)?", line.rstrip())
    assert "\x1b[2K" in rest


def test_a_bar_goes_with_json_and_not_where_there_is_no_terminal(
    on_terminal: OnTerminal, filled: None, run: Run, tmp_path: Path
) -> None:
    _, shown = on_terminal("verify", "--json")
    piped = run("verify", "--json", "--data", str(tmp_path))

    assert "reading" in shown
    assert '"blobs": 2' in shown
    assert piped.err == ""
