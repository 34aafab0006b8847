"""What ends a command before it has done what was asked.

CommandError
├── UsageError(command, message, status)  it was called in a way that it cannot be
└── Failed(message)                       it was understood and not done
"""

from __future__ import annotations

from runner.errors import RunnerError


class CommandError(RunnerError):
    """A command ends with a message and a status other than 0."""

    status = 1


class UsageError(CommandError):
    """The command line makes no sense; `words` is how the command is called, for the help that is pointed to."""

    def __init__(self, words: str, message: str, status: int = 125) -> None:
        super().__init__(words, message)
        self.words = words
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return f"{self.message}\n\nRun '{self.words} --help' for more information"


class Failed(CommandError):
    """What was asked for was not done."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
