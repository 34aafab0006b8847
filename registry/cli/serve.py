"""`registry serve`: run the registry until it is told to stop."""

import sys

import click

from registry.cli.banner import banner
from registry.cli.options import configured
from registry.config import Config, Resolved
from registry.config.values import SocketAddress


@click.command("serve")
@click.option("--listen", metavar="HOST:PORT", help="Address and port (server.listen); default 127.0.0.1:5000.")
@click.option("--workers", metavar="N", help="Worker processes (server.workers); default one per processor core.")
@configured(listen="server.listen", workers="server.workers")
def command(resolved: Resolved) -> int:
    """Run the registry until it is told to stop.

    SIGTERM or Ctrl-C lets requests in flight finish for up to server.grace_period_s. SIGHUP reads the configuration
    again.
    """
    from registry.app.serving import serve

    return serve(resolved, lambda address: _announce(resolved.config, address), _reveal)


def _announce(config: Config, address: SocketAddress) -> None:
    """Tell people where the registry is; where programs read the output, in a line of the log."""
    from registry.observability.logging import logger

    if sys.stdout.isatty() or config.log.format == "console":
        click.echo(banner(config, address))
    else:
        logger(__name__).info("listening", address=str(address))


def _reveal(password: str) -> None:
    """Show the first administrator's password; not as a line of the log, which is kept and read by others."""
    click.echo(f"\nThe administrator is `admin`, with the password {password}\nIt is shown only now.\n", err=True)
