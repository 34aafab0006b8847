"""Running a command's work: services opened and closed around it, and their errors told in one line."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from oci_spec.errors import OciSpecError
from oci_spec.reference import RepositoryName
from registry.app.refusals import StartRefused
from registry.auth.access import Access, grant
from registry.auth.permission import Permission
from registry.auth.subject import OPERATOR
from registry.config import Config
from registry.errors import RegistryError, Unavailable
from registry.metadata.revision import SchemaMismatch
from registry.services import installation
from registry.services.context import Services
from registry.services.installation import InstallationMismatch
from storage_backends.errors import StorageError

T = TypeVar("T")


def with_services(config: Config, work: Callable[[Services], Awaitable[T]]) -> T:
    """Open the registry's services, run `work` on them, and close them.

    The registry may be running meanwhile: what is changed here is seen there at once.

    Raises:
        click.ClickException: what was asked for was refused, or failed; or database and storage do not belong together.
    """

    async def run(services: Services) -> T:
        await installation.require_pair(services.database, services.store)
        return await work(services)

    return with_any_services(config, run)


def with_any_services(config: Config, work: Callable[[Services], Awaitable[T]]) -> T:
    """Do what `with_services` does, for what is done before database and storage belong together."""
    from registry.app.assembly import open_services
    from registry.app.single_host import SingleHost
    from registry.observability.logging import configure

    # Standard output is for what was asked for; of the log, a command's user wants what went wrong.
    configure("warning", "console")

    async def run() -> T:
        try:
            async with open_services(config) as services:
                return await work(services)
        except SchemaMismatch as error:
            if error.found is not None:
                raise
            # Far more often the wrong place was named than that no server was ever started.
            place = config.database.url.masked
            hint = "--data or --config may name another place, or `registry serve` has yet to make one there"
            raise click.ClickException(_line(f"there is no registry in {place}: {hint}")) from error

    with refusals():
        SingleHost.of(config).require_free()
        return asyncio.run(run())


@contextmanager
def refusals() -> Iterator[None]:
    """Tell the errors of the registry, its database, its storage and the system in one line each.

    Raises:
        click.ClickException: in place of such an error.
    """
    try:
        yield
    except StartRefused as error:
        raise click.ClickException(_line(str(error))) from error
    except Unavailable as error:
        # Clients do not learn the cause; whoever runs this command is the one to mend it.
        cause = f": {error.cause}" if error.cause else ""
        raise click.ClickException(_line(f"{error}{cause}")) from error
    except (RegistryError, OciSpecError, StorageError, SchemaMismatch, InstallationMismatch) as error:
        raise click.ClickException(_line(str(error) or type(error).__name__)) from error
    except OSError as error:
        raise click.ClickException(_line(_of_the_system(error))) from error


async def operator_access(services: Services, permission: Permission, repository: RepositoryName) -> Access:
    """The access of whoever runs this command: they own the database and the storage.

    Raises:
        Denied: the policy does not allow it all the same.
    """
    return await grant(services.policy, OPERATOR, permission, repository)


def _of_the_system(error: OSError) -> str:
    # Without the number, which tells nothing that its name does not.
    if error.filename is None or error.strerror is None:
        return str(error) or type(error).__name__
    return f"{error.filename}: {error.strerror}"


def _line(text: str) -> str:
    return " ".join(text.split())
