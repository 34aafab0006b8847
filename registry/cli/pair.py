"""`registry pair`: declare that a database and a storage belong together."""

import click

from registry.cli.confirming import confirm
from registry.cli.options import configured
from registry.cli.running import with_any_services
from registry.config import Resolved
from registry.services import installation
from registry.services.context import Services


@click.command("pair")
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured()
def command(resolved: Resolved, yes: bool) -> None:
    """Declare that this database and this storage belong together.

    A registry refuses to start where they do not bear the name of one installation: it would take what the other one
    holds for garbage. Only a storage that was copied without its index, or a database that was put back by other means
    than `registry restore`, needs this.
    """
    confirm("Will this database and this storage belong together from now on?", yes)
    identity = with_any_services(resolved.config, _pair)
    click.echo(f"database and storage belong to installation {identity}")


async def _pair(services: Services) -> str:
    return await installation.pair(services.database, services.store)
