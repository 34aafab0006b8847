"""Groups of commands, as their help lists them."""

from __future__ import annotations

from typing import Final

import click

_WHOLE: Final = 1000


class Group(click.Group):
    """A group whose help shows the first sentence of each command to its end; click cuts it at 45 letters."""

    group_class = type

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self._summary(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        return command.get_short_help_str(limit=_WHOLE) if command is not None else ""
