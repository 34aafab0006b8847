"""`exec` as the table of all commands has it: by itself, for that table takes as long as all else before an exec."""

from __future__ import annotations

from runner.cli.flags import TEXT, TEXTS, Command, Flag

EXEC_FLAGS: tuple[Flag, ...] = (
    Flag("detach", "Detached mode: run command in the background", short="d"),
    Flag("env", "Set environment variables", TEXTS, "e"),
    Flag("env-file", "Read in a file of environment variables", TEXTS),
    Flag("interactive", "Keep STDIN open even if not attached", short="i"),
    Flag("privileged", "Give extended privileges to the command"),
    Flag("tty", "Allocate a pseudo-TTY", short="t"),
    Flag("user", "Username or UID (format: <name|uid>[:<group|gid>])", TEXT, "u"),
    Flag("workdir", "Working directory inside the container", TEXT, "w"),
)

EXEC_UNBUILT: tuple[str, ...] = ("detach-keys",)

EXEC = Command(
    "exec",
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    "Execute a command in a running container",
    "runner.cli.commands.exec",
    EXEC_FLAGS,
    least=2,
    unbuilt=EXEC_UNBUILT,
    interspersed=False,
    aliases=("container exec",),
)
