"""`registry login`: log in at a registry by way of its OpenID provider, and keep what docker logs in with."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode

import click

from registry.cli import output
from registry.cli.options import Parsed, as_json
from registry.cli.running import refusals
from registry.config.values import ExternalUrl, Network

if TYPE_CHECKING:
    from registry.cli.device_flow import Invitation
    from registry.egress.contract import Answer, Egress

T = TypeVar("T")

# Whoever types the command chooses where it goes.
_EVERYWHERE: Final = (Network.parse("0.0.0.0/0"), Network.parse("::/0"))
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_PATH: Final = "/token/openid"


@dataclass(frozen=True, slots=True)
class _Login:
    """What the registry made of it."""

    username: str
    token: str = field(repr=False)
    expires_at: str


def _server(text: str) -> ExternalUrl:
    if "://" in text:
        return ExternalUrl.parse(text)
    # As docker does: names and addresses of this machine need no TLS.
    host = text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() else text
    return ExternalUrl.parse(f"{'http' if host in _LOOPBACK else 'https'}://{text}")


_SERVER: Final[Parsed[ExternalUrl]] = Parsed("server", _server)


@click.command("login")
@click.option(
    "--oidc", "server", type=_SERVER, required=True, metavar="SERVER", help="Log in at SERVER with its OpenID provider."
)
@click.option("--name", help="What the token is called, to know it again by; the name of this machine.")
@click.option("--print", "is_printed", is_flag=True, help="Print the token in place of keeping it for docker.")
@as_json
def command(server: ExternalUrl, *, name: str | None, is_printed: bool, json_output: bool) -> None:
    """Log in with a browser, and keep a token for docker.

    SERVER is HOST:PORT or a URL. It tells which OpenID provider it trusts; the command shows where to go and which code
    to enter there, waits until that is done, and keeps the token that SERVER gives for it where docker and others look:
    in ~/.docker/config.json, or with the helper that it names.
    """
    label = name or f"login from {socket.gethostname()}"[:64]
    with refusals():
        login = _asking(lambda egress: _log_in(egress, server, label))
        kept = None if is_printed else _keep(server, login)
    if json_output:
        shown = {"token": login.token} if is_printed else {"kept_in": kept}
        document = {"server": str(server), "username": login.username, "expires_at": login.expires_at, **shown}
        output.print_json(document)
    elif is_printed:
        click.echo(login.token)
    else:
        click.echo(f"{login.username} is logged in at {server.authority} until {login.expires_at}; kept in {kept}")


def _asking(work: Callable[[Egress], Awaitable[T]]) -> T:
    from registry.cli.device_flow import LoginRefused
    from registry.egress.client import Client

    async def run() -> T:
        client = Client(_EVERYWHERE)
        try:
            return await work(client)
        except LoginRefused as error:
            raise click.ClickException(str(error)) from error
        finally:
            await client.close()

    return asyncio.run(run())


async def _log_in(egress: Egress, server: ExternalUrl, label: str) -> _Login:
    from registry.auth.openid_providers import OpenIdProviders
    from registry.cli.device_flow import LoginRefused, Provider, log_in
    from registry.config.issuer import IssuerUrl
    from registry.egress.contract import Question

    told = _answered(await egress.ask(Question(url=f"{server}{_PATH}")), "issuer", "client_id", "scope")
    try:
        issuer = IssuerUrl.parse(told["issuer"])
    except ValueError as error:
        raise LoginRefused(f"{server} names an OpenID provider that is none: {error}") from None
    document = await OpenIdProviders(egress).document(issuer)
    if not document.device_authorization_endpoint or not document.token_endpoint:
        raise LoginRefused(f"{issuer} has no device flow (RFC 8628)")
    provider = Provider(
        document.device_authorization_endpoint, document.token_endpoint, told["client_id"], told["scope"]
    )
    form = {"id_token": await log_in(egress, provider, _show), "name": label}
    question = Question(
        url=f"{server}{_PATH}",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )
    done = _answered(await egress.ask(question), "username", "token", "expires_at")
    return _Login(**done)


def _answered(answer: Answer, *names: str) -> dict[str, str]:
    """These texts of what the registry answered."""
    from registry.cli.device_flow import LoginRefused, document

    content = document(answer)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise LoginRefused("the registry trusts no OpenID provider")
    if answer.status != HTTPStatus.OK:
        raise LoginRefused(f"the registry refuses: {_message(content) or f'status {answer.status}'}")
    found = {name: content.get(name) for name in names}
    # They are shown, and what moves a cursor could make them look like something else.
    if not all(isinstance(value, str) and value.isprintable() for value in found.values()):
        raise LoginRefused("what answers there is no registry that logs in with an OpenID provider")
    return {name: str(value) for name, value in found.items()}


def _message(content: Any) -> str:
    from registry_client.errors import cleaned

    try:
        return cleaned(str(content["errors"][0]["message"]))
    except (KeyError, IndexError, TypeError):
        return ""


def _show(invitation: Invitation) -> None:
    from registry_client.errors import cleaned

    click.echo(f"Go to {cleaned(invitation.url)} and enter the code {cleaned(invitation.code, 40)}", err=True)
    if invitation.whole_url is not None:
        click.echo(f"or go to {cleaned(invitation.whole_url)}", err=True)


def _keep(server: ExternalUrl, login: _Login) -> str:
    from registry_client import docker_credentials
    from registry_client.errors import CredentialsNotKept

    try:
        return docker_credentials.keep(server.authority, login.username, login.token, docker_credentials.config_file())
    except CredentialsNotKept as error:
        raise click.ClickException(f"{error}; --print shows the token instead") from error
