"""An account of a registry with `auth.mode = "token"`, made by its commands, and tokens for it."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

_NAME = "reader"
_REGISTRY = Path(sys.executable).with_name("registry")


class LoginRefused(Exception):
    """A registry did not take an account, or gave it no token."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who may pull, and a personal token of theirs."""

    name: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> Mapping[str, str]:
        """The header that asks for tokens."""
        credentials = base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}


def make_account(data: Path, pattern: str) -> Account:
    """An account that may pull from the repositories of `pattern`, in the registry whose data is in `data`.

    Raises:
        LoginRefused: a command failed.
    """
    _run(data, ["user", "add", _NAME, "--password-stdin"], said=f"{secrets.token_urlsafe()}\n")
    _run(data, ["grant", "set", _NAME, "reader", pattern])
    made = _run(data, ["token", "create", "--for", _NAME, "--name", "bench", "--json"])
    return Account(_NAME, json.loads(made)["token"])


def bearer(token: str) -> Mapping[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def token_target(repository: str) -> str:
    """Where a token that pulls from `repository` is to be had."""
    return f"/token?{urlencode({'service': 'moorage', 'scope': f'repository:{repository}:pull'})}"


def fetch_token(connection: http.client.HTTPConnection, account: Account, repository: str) -> str:
    """A token by which `account` pulls from `repository`.

    Raises:
        LoginRefused: the registry gives none.
    """
    connection.request("GET", token_target(repository), headers=dict(account.basic))
    response = connection.getresponse()
    said = response.read()
    if response.status != 200:
        raise LoginRefused(f"no token: {response.status} {said[:500].decode(errors='replace')}")
    token: str = json.loads(said)["token"]
    return token


def _run(data: Path, arguments: list[str], *, said: str = "") -> str:
    command: list[str | Path] = [_REGISTRY, *arguments, "--data", data]
    run = subprocess.run(command, input=said, capture_output=True, text=True, check=False)
    if run.returncode:
        raise LoginRefused(f"registry {' '.join(arguments[:2])}: {run.stderr.strip()}")
    return run.stdout
