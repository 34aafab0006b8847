"""runner logout: credentials for a registry are kept no longer."""

from __future__ import annotations

from registry_client import docker_credentials
from runner.cli import transfers
from runner.cli.commands.login import server_of
from runner.cli.main import Places
from runner.cli.parsing import Arguments


def run(arguments: Arguments, places: Places) -> int:
    """Forget what is kept of logins at the registry; the status to end with."""
    server = docker_credentials.server_of(server_of(arguments))
    with transfers.told():
        was_known = docker_credentials.forget(server, docker_credentials.config_file())
    if was_known:
        print(f"Removing login credentials for {server}")
    else:
        print(f"Not logged in to {server}")
    return 0
