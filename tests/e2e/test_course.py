"""Every command of the course is carried out, in one shell, and prints what the page says, but for numbers."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.daemons import short_directory
from tests.requirements import require_root, require_tool

pytestmark = [
    pytest.mark.root,
    pytest.mark.e2e,
    *(pytest.mark.tool(name) for name in ("busybox", "curl", "ip", "nft", "skopeo", "unshare")),
]

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH, CHINESE = DOCS / "course.md", DOCS / "course.zh-CN.md"
COMMANDS = Path(sys.executable).parent
LEFT_OUT = "…"
END = "-- end of a step --"

NUMBERS = (
    (re.compile(r"\b(sha256:)?[0-9a-f]{12,64}\b"), "DIGEST"),
    (re.compile(r"\bmrg[0-9a-f]+\b"), "LINK"),
    (re.compile(r"(Less than a|About an?|\d+) (second|minute|hour)s?( ago)?"), "TIME"),
    (re.compile(r"\d+(\.\d+)?"), "NUMBER"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Step:
    """A command, and what it prints."""

    command: str
    printed: tuple[str, ...]


def steps(page: Path) -> list[Step]:
    """All commands of a page, in their order."""
    found: list[Step] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
        for command, printed in re.findall(r"^[$#] (.*\n(?:> .*\n)*)((?:(?![$#] ).*\n)*)", block, re.MULTILINE):
            found.append(Step(command.replace("\n> ", "\n").rstrip("\n"), tuple(printed.splitlines())))
    return found


def carry_out(commands: list[str], home: Path) -> list[list[str]]:
    """What each prints, in a shell whose network, images and containers are its own."""
    programs = home / "bin"
    programs.mkdir()
    places = f"--root {home}/images --state {home}/state"
    (programs / "runner").write_text(f'#!/bin/sh\nexec {COMMANDS}/runner {places} "$@"\n')
    (programs / "runner").chmod(0o755)
    script = ["ip link set lo up", *(f"{command}\necho; echo '{END}'" for command in commands)]
    environment = {**os.environ, "PATH": f"{programs}:{COMMANDS}:/usr/sbin:{os.environ['PATH']}", "HOME": str(home)}
    # Into a file, for what goes on in the background would keep a pipe open.
    with (home / "printed").open("w+") as output:
        subprocess.run(
            [require_tool("unshare"), "--net", "bash"],
            input="\n".join(script),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env={name: value for name, value in environment.items() if not name.startswith("REGISTRY_")},
            text=True,
            timeout=540,
            check=False,
        )
        output.seek(0)
        printed = output.read()
    for place, usual in ((f"{home}/images", "/var/lib/moorage-runner"), (f"{home}/state", "/run/moorage-runner")):
        printed = printed.replace(place, usual)
    return [[line for line in part.splitlines() if line] for part in printed.split(END)[:-1]]


def shape(line: str) -> str:
    """A line without what is another each time."""
    for pattern, word in NUMBERS:
        line = pattern.sub(word, line)
    return line.strip()


def as_said(said: tuple[str, ...], printed: list[str]) -> bool:
    """Whether what was printed has the shape of what the page says; a line of dots there stands for any number."""
    patterns = [".*" if line.strip() == LEFT_OUT else re.escape(shape(line)) + "\n" for line in said]
    return bool(re.fullmatch("".join(patterns), "".join(shape(line) + "\n" for line in printed), re.DOTALL))


@pytest.mark.timeout(600)
def test_every_command_prints_what_the_page_says() -> None:
    require_root()
    course = steps(ENGLISH)
    with short_directory() as home:
        printed = carry_out([step.command for step in course], home)
        mounts = Path("/proc/self/mountinfo").read_text()

        assert len(printed) == len(course)
        for step, lines in zip(course, printed, strict=True):
            assert as_said(step.printed, lines), "\n".join([f"$ {step.command}", *lines])
        assert str(home) not in mounts


def test_the_chinese_page_has_the_same_steps() -> None:
    assert steps(CHINESE) == steps(ENGLISH)
    assert len(steps(ENGLISH)) > 30


@pytest.mark.parametrize(
    ("said", "printed", "expected"),
    [
        (("sha256:" + "a" * 64,), ["sha256:" + "b" * 64], True),
        (("one 1", "…", "three"), ["one 2", "two", "and more", "three"], True),
        (("one", "…"), ["one"], True),
        (("one",), ["one", "two"], False),
        (("Up 5 seconds",), ["Up Less than a second"], True),
        (("word",), ["other"], False),
    ],
)
def test_what_is_compared_is_the_shape(said: tuple[str, ...], printed: list[str], expected: bool) -> None:
    assert as_said(said, printed) is expected
