"""runner login: credentials for a registry, kept where docker keeps them."""

from __future__ import annotations

import getpass
import sys

from oci_spec.image_name import DEFAULT_DOMAIN, ImageName
from oci_spec.reference import RepositoryName
from registry_client import docker_credentials
from registry_client.credentials import Credentials, Password
from registry_client.origin import Origin
from runner.cli import transfers
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.registries import configuration, endpoints
from runner.registries.connecting import connected
from runner.registries.endpoints import Endpoint

# A registry is asked as a whole; what is said of it may be said of repositories.
_ANY = RepositoryName("library/any")


def run(arguments: Arguments, places: Places) -> int:
    """Ask the registry whether it takes the credentials, and keep them if so; the status to end with."""
    host = server_of(arguments)
    password = _credentials(arguments)
    transfers.run(_try(host, password, transfers.tls_verify(arguments)))
    file = docker_credentials.config_file()
    with transfers.told():
        kept = docker_credentials.keep(docker_credentials.server_of(host), password.username, password.password, file)
    if kept == str(file):
        print(f"WARNING! Your credentials are stored unencrypted in '{file}'.", file=sys.stderr)
    print("Login Succeeded")
    return 0


def server_of(arguments: Arguments) -> str:
    """The host (and port) of the registry that was named: also in a URL, as docker takes it."""
    text = arguments.words[0] if arguments.words else DEFAULT_DOMAIN
    host = text.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return DEFAULT_DOMAIN if docker_credentials.server_of(host) == docker_credentials.HUB else host


async def _try(host: str, password: Password, tls_verify: bool | None) -> None:
    registries = configuration.read()
    name = f"{host}/{_ANY}"
    found = endpoints.to_push(ImageName.parse(name), registries, tls_verify=tls_verify)
    async with connected(Endpoint(host, _ANY, found.insecure), _Only(password)) as client:
        await client.ping()


class _Only:
    """Shows the credentials to the registry that is logged in to: the client asks for no other origin."""

    def __init__(self, password: Password) -> None:
        self._password = password

    async def credentials(self, origin: Origin) -> Credentials:
        return self._password


def _credentials(arguments: Arguments) -> Password:
    username, password = arguments.text("username"), arguments.text("password")
    if arguments.flag("password-stdin"):
        if password is not None:
            raise Failed("--password and --password-stdin are mutually exclusive")
        if not username:
            raise Failed("Must provide --username with --password-stdin")
        password = sys.stdin.read().rstrip("\r\n")
    elif password is not None:
        print("WARNING! Using --password via the CLI is insecure. Use --password-stdin.", file=sys.stderr)
    if not sys.stdin.isatty() and (not username or not password):
        raise Failed("Error: Cannot perform an interactive login from a non TTY device")
    username = username or _asked("Username: ")
    password = password or getpass.getpass("Password: ")
    return Password(username, password)


def _asked(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
