"""The user's terminal, with every key passed on as it is; given back as it was."""

from __future__ import annotations

import os


class RawTerminal:
    """Within it, standard input is raw, if it is a terminal."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> None:
        if os.isatty(0):
            # Only here: most containers have no terminal.
            import termios
            import tty

            self._before = termios.tcgetattr(0)
            # What has been typed already is not lost.
            tty.setraw(0, termios.TCSADRAIN)

    def __exit__(self, *_error: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
