"""`registry config`: check and show the configuration."""

import click

from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import as_json, configured
from registry.config import Resolved, rendering


@click.group("config", cls=Group)
def command() -> None:
    """Check and show the configuration."""


@command.command("check")
@configured()
def check(resolved: Resolved) -> None:
    """Say whether the registry could start with this configuration.

    Everything that is wrong is told at once, each with its place; nothing is started or changed.
    """
    click.echo(f"the configuration can be used ({len(resolved.origins)} keys are set)")


@command.command("show")
@as_json
@configured()
def show(resolved: Resolved, json_output: bool) -> None:
    """Print the effective configuration, with secrets masked.

    Each value that is not a default is followed by where it was read. The output is a configuration file again, but for
    its secrets.
    """
    if json_output:
        output.print_json(rendering.to_tree(resolved.config))
    else:
        click.echo(rendering.to_toml(resolved.config, resolved.origins))
