"""The `registry` command: its groups, and how every command ends.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Errors are lines on standard error; standard output holds only
what was asked for. A command's module is imported when it is run, so that help and completion are quick.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click
from click.shell_completion import CompletionItem

DONE: Final = 0
REFUSED: Final = 1
WRONG_USAGE: Final = 2

_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("registry.cli.serve", "Run the registry until it is told to stop."),
    "migrate": ("registry.cli.migrate", "Bring the database's schema up to date."),
    "status": ("registry.cli.status", "Show nodes, jobs, queues, the schema's revision and what is stored."),
    "doctor": (
        "registry.cli.doctor",
        "Look for what is wrong with clocks, rights, database and storage, and say what to do about it.",
    ),
    "config": ("registry.cli.config", "Check and show the configuration."),
    "repository": ("registry.cli.repository", "Show, find, describe, publish, give away and remove repositories."),
    "tag": ("registry.cli.tag", "List, move, restore, remove and protect tags, and show their history."),
    "export": ("registry.cli.export_layout", "Write a repository, or some of its tags, as an OCI image layout."),
    "import": (
        "registry.cli.import_layout",
        "Read an OCI image layout, or take over another registry's data.",
    ),
    "gc": ("registry.cli.gc", "Remove content that nothing names or needs any more."),
    "verify": ("registry.cli.verify", "Read stored blobs again and compare them with their digests."),
    "storage": ("registry.cli.storage", "Move what is stored to another place, while the registry serves."),
    "audit": ("registry.cli.audit", "Show, export and verify the audit log."),
    "keys": ("registry.cli.keys", "List and rotate the keys that sign tokens."),
    "tls": ("registry.cli.tls", "Make certificates: an authority, the registry's, and those of clients."),
    "user": ("registry.cli.user", "Add, list, change and remove the accounts of people."),
    "org": ("registry.cli.org", "Make, list, show and remove organisations, and say who belongs to them."),
    "team": ("registry.cli.team", "Make, list, show and remove teams of organisations, and say who is in them."),
    "robot": ("registry.cli.robot", "Make, list, change and remove robots, and their tokens."),
    "token": ("registry.cli.token", "Make, list and revoke tokens, with which programs log in."),
    "grant": ("registry.cli.grant", "Say who may do what in which repositories."),
    "login": ("registry.cli.login", "Log in with a browser, and keep a token for docker."),
    "client-config": (
        "registry.cli.client_config",
        "Show the files that clients need, and where they go.",
    ),
    "backup": ("registry.cli.backup", "Write all metadata into one file, while the registry serves."),
    "restore": ("registry.cli.restore", "Put a backup into an empty database, and say what the storage lacks."),
    "rebuild": ("registry.cli.rebuild", "Recover a lost database from the storage."),
    "pair": ("registry.cli.pair", "Declare that this database and this storage belong together."),
}


class LazyGroup(click.Group):
    """A group whose commands stand in modules of their own, named by `_COMMANDS`; each module has a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _ = _COMMANDS[cmd_name]
        command: click.Command = import_module(module).command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # Not from the commands themselves: a key was pressed, and their modules take longer to load than one waits.
        matching = ((name, summary) for name, (_, summary) in _COMMANDS.items() if name.startswith(incomplete))
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=summary) for name, summary in matching] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


def _show_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    if asked:
        from registry.version import version

        click.echo(f"registry (Moorage) {version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Moorage, a container registry: run it, and look after what it holds.

    Every command that needs the configuration takes --config, --data and --set; without them, and without REGISTRY_*
    variables, everything is in ./data. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        result: Any = cli.main(arguments, prog_name="registry", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USAGE
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "registry"
        _complain(f"{error.format_message()} (see {where} --help)")
        return WRONG_USAGE
    except click.ClickException as error:
        _complain(error.format_message())
        return REFUSED
    except (click.Abort, KeyboardInterrupt):
        _complain("aborted")
        return REFUSED
    except BrokenPipeError:
        # Whoever read the output has enough. Python would complain once more when it closes the pipe at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return result if isinstance(result, int) else DONE


def _complain(text: str) -> None:
    for line in filter(None, text.splitlines()):
        click.echo(f"registry: {line}", err=True)
