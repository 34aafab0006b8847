from pathlib import Path

import pytest

from runner.oci.command import COMMANDS, load
from runner.oci.main import GLOBAL_FLAGS

PAGE = (Path(__file__).parents[3] / "docs" / "runner-oci.md").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_flag_stands_on_its_page(name: str) -> None:
    command = load(name)

    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{name}" in line.split("|")[1]]
    own = {flag.name for flag in command.flags} - (
        {flag.name for flag in load("create").flags} if name == "run" else set()
    )
    assert [flag for flag in sorted(own) if f"`--{flag}`" not in row] == []


def test_every_flag_before_the_command_stands_on_the_page() -> None:
    assert [flag.name for flag in GLOBAL_FLAGS if f"--{flag.name}" not in PAGE] == []
