"""How a demonstration shows what it does: each command, and what it printed."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class StepFailed(Exception):
    """A step of a demonstration did not do what it should; its text says which."""


def step(
    *command: str | Path,
    instead: Sequence[str | Path] | None = None,
    status: int = 0,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Show a command, carry it out, and show what it printed.

    Args:
        command: the command.
        instead: the words that are carried out in place of the first one, which is shown.
        status: what it is to end with.
        stdin: what it reads.
        environment: its environment, where that is not this process's.

    Raises:
        StepFailed: it ended with another status.
    """
    shown = " ".join(_quoted(str(word)) for word in command)
    say(f"$ {shown}")
    run = subprocess.run(
        [*([command[0]] if instead is None else instead), *command[1:]],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        check=False,
    )
    for line in run.stdout.splitlines():
        say(f"  {line}")
    if run.returncode != status:
        raise StepFailed(f"`{shown}` ended with status {run.returncode}")
    return run.stdout.strip()


def answers(program: str, question: str) -> bool:
    """Whether a program is there, and does what it is asked for."""
    if shutil.which(program) is None:
        return False
    return subprocess.run([program, question], capture_output=True, check=False).returncode == 0


def say(text: str) -> None:
    """Show a line at once."""
    print(text, flush=True)


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word or not word else word
