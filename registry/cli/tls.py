"""`registry tls`: make certificates, for the registry and for its clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from registry import limits
from registry.certificates.errors import AlreadyThere, CertificateError
from registry.certificates.host import HostName
from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import Parsed, as_json, configured_unchecked
from registry.config import Config, Resolved, rendering
from registry.config.keys import keys

if TYPE_CHECKING:
    # It imports cryptography, for which nobody should wait who only asked for help.
    from registry.certificates.folder import Folder, Made

_FOLDER: Final = "tls"
# A certificate's common name, and a file's.
_CLIENT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _client_name(text: str) -> str:
    if not _CLIENT_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not made of 1 to 64 letters, digits, dots, dashes and underscores")
    return text


_HOST: Final[Parsed[HostName]] = Parsed("host", HostName.parse)
_CLIENT: Final[Parsed[str]] = Parsed("name", _client_name)

_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the certificates; default the folder tls in server.data.",
)
_days = click.option(
    "--days",
    type=click.IntRange(1, limits.CERTIFICATE_DAYS),
    default=limits.CERTIFICATE_DAYS,
    show_default=True,
    metavar="N",
    help="How long the certificate is valid.",
)


@click.group("tls", cls=Group)
def command() -> None:
    """Make certificates: an authority, the registry's, and those of clients."""


@command.command("init")
@click.option(
    "--host",
    "hosts",
    type=_HOST,
    multiple=True,
    required=True,
    metavar="NAME",
    help="Name or address that clients use; may be repeated.",
)
@_days
@click.option("--force", is_flag=True, help="Replace the registry's certificate and key, if there are any.")
@_directory
@as_json
@configured_unchecked()
def init(
    resolved: Resolved,
    *,
    hosts: Sequence[HostName],
    days: int,
    force: bool,
    directory: Path | None,
    json_output: bool,
) -> None:
    """Make a local authority and the registry's certificate, and name the keys to set.

    An authority that is there is kept, and no file is overwritten without --force. Clients trust the registry once they
    have the authority's certificate.
    """
    from registry.certificates import folder

    make = folder.init_again if force else folder.init
    with _refusals("`registry tls renew` renews the certificate, and --force replaces both"):
        made = make(_folder(resolved, directory), hosts, days)
    settings = {"tls.certificate": made.files.certificate, "tls.key": made.files.key}
    _print_made(made, settings, json_output)
    if not json_output:
        _tell_what_is_left_to_do(resolved.config)


@command.command("renew")
@click.option(
    "--host", "hosts", type=_HOST, multiple=True, metavar="NAME", help="Add a name or an address; may be repeated."
)
@_days
@click.option(
    "--if-days-left",
    type=click.IntRange(min=1),
    metavar="N",
    help="Do nothing while the present certificate has all hosts and is valid for N days or more.",
)
@_directory
@as_json
@configured_unchecked()
def renew(
    resolved: Resolved,
    *,
    hosts: Sequence[HostName],
    days: int,
    if_days_left: int | None,
    directory: Path | None,
    json_output: bool,
) -> None:
    """Make a new certificate of the registry for the same hosts, with the same key and authority.

    A running registry takes it up within a minute, and clients need nothing new.
    """
    from registry.certificates import folder

    place = _folder(resolved, directory)
    with _refusals():
        if if_days_left is not None and not folder.is_due(place, hosts, if_days_left):
            _print_untouched(folder.server_certificate(place).not_valid_after_utc, json_output)
            return
        made = folder.renew(place, hosts, days)
    if json_output:
        output.print_json({"renewed": True, **_as_json(made)})
    else:
        _tell(made)


@command.command("client")
@click.argument("name", type=_CLIENT)
@_days
@click.option("--force", is_flag=True, help="Replace the client's certificate and key, if there are any.")
@_directory
@as_json
@configured_unchecked()
def client(resolved: Resolved, *, name: str, days: int, force: bool, directory: Path | None, json_output: bool) -> None:
    """Make a client's certificate, and name the key that makes the registry ask for one.

    All of them are signed by one authority of clients, which is made with the first.
    """
    from registry.certificates import folder

    make = folder.add_client_again if force else folder.add_client
    with _refusals("choose another name, or replace both with --force"):
        made = make(_folder(resolved, directory), name, days)
    _print_made(made, {"tls.client_ca": made.authority.certificate}, json_output)


def _folder(resolved: Resolved, directory: Path | None) -> Folder:
    from registry.certificates.folder import Folder

    return Folder(directory.absolute() if directory is not None else resolved.config.server.data / _FOLDER)


@contextmanager
def _refusals(way_out: str = "") -> Iterator[None]:
    try:
        yield
    except AlreadyThere as error:
        raise click.ClickException(f"{error}; {way_out}") from error
    except (CertificateError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _print_made(made: Made, settings: Mapping[str, Path], json_output: bool) -> None:
    if json_output:
        texts = {name: str(path) for name, path in settings.items()}
        output.print_json({**_as_json(made), "settings": texts})
        return
    _tell(made)
    click.echo(_as_toml(settings))


def _tell(made: Made) -> None:
    if made.authority_is_new:
        click.echo(f"made the authority {made.authority.certificate}; keep its key to yourself", err=True)
    hosts = f" for {', '.join(_hosts(made))}" if _hosts(made) else ""
    until = made.certificate.not_valid_after_utc
    click.echo(f"made {made.files.certificate}{hosts}, valid until {until:%Y-%m-%d}", err=True)


def _print_untouched(until: datetime, json_output: bool) -> None:
    if json_output:
        output.print_json({"renewed": False, "valid_until": until})
    else:
        click.echo(f"nothing to do: the certificate is valid until {until:%Y-%m-%d}", err=True)


def _hosts(made: Made) -> list[str]:
    from registry.certificates.issuing import hosts_of

    return [str(host) for host in hosts_of(made.certificate)]


def _as_json(made: Made) -> dict[str, Any]:
    return {
        "authority": str(made.authority.certificate),
        "authority_is_new": made.authority_is_new,
        "certificate": str(made.files.certificate),
        "key": str(made.files.key),
        "hosts": _hosts(made),
        "valid_until": made.certificate.not_valid_after_utc,
    }


def _as_toml(settings: Mapping[str, Path]) -> str:
    """What to put into the configuration file, with the same for the environment as a comment."""
    return "\n".join(
        [
            "# In the environment:",
            *(f"#   {keys()[name].variable}={path}" for name, path in settings.items()),
            "# In the configuration file:",
            "[tls]",
            *(f"{name.removeprefix('tls.')} = {rendering.toml_literal(path)}" for name, path in settings.items()),
        ]
    )


def _tell_what_is_left_to_do(config: Config) -> None:
    click.echo("clients on other machines need files, too: registry client-config", err=True)
    if config.server.listen.is_loopback:
        click.echo(
            f"the registry listens on {config.server.listen}, where only this machine reaches it: for others set "
            'server.listen, beside auth.mode = "token", by which everybody has to log in',
            err=True,
        )
