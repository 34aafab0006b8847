"""`registry migrate`: bring the database's schema up to date, or tell whether it is."""

import click

from registry.app.database_access import connecting_of, url_of
from registry.app.single_host import SingleHost
from registry.cli.options import configured
from registry.cli.running import refusals
from registry.config import Config, Resolved
from registry.metadata import migrate
from registry.metadata.revision import HEAD, SchemaMismatch, is_served


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit 0 if the schema is up to date, 1 if it is not.")
@configured()
def command(resolved: Resolved, check: bool) -> None:
    """Bring the database's schema up to date.

    A migration that fails leaves the schema as it was. `registry serve` does the same at its start, unless
    database.migrate_at_start is off.
    """
    with refusals():
        found = _checked(resolved.config) if check else _upgraded(resolved.config)
    state = "up to date" if found == HEAD else f"newer than this program's, which is {HEAD} and goes on with it"
    click.echo(f"the schema of {resolved.config.database.url.masked} is {state} (revision {found})")


def _checked(config: Config) -> str:
    found = migrate.current(url_of(config.database), connecting_of(config.database))
    if found is None or not is_served(found):
        raise SchemaMismatch(found)
    return found


def _upgraded(config: Config) -> str:
    SingleHost.of(config).require_free()
    file = config.database.url.sqlite_file
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(url_of(config.database), connecting_of(config.database))
    return _checked(config)
