"""Where docker and its relatives keep what they log in with: `config.json`, or a helper program that it names.

Docker's "docker login", "Credential stores": `credHelpers` names a helper for one registry, `credsStore` one for all
others; where neither does, the file itself holds name and password.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from registry_client.credentials import Anonymous, Credentials, IdentityToken, Password
from registry_client.errors import CredentialsNotKept
from registry_client.origin import Origin

HUB: Final = "https://index.docker.io/v1/"
"""What logins at Docker Hub are kept under, whichever of its names is used."""

_HUB_HOSTS: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", HUB})
_HELPER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HELPER_S: Final = 60
# What a helper calls a user of whom it keeps an identity token.
_TOKEN_USER: Final = "<token>"  # noqa: S105 - a name
_CONFIG_BYTES: Final = 4 * 1024 * 1024


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The file that docker reads: in `DOCKER_CONFIG`, else in `.docker` at home."""
    chosen = environment.get("DOCKER_CONFIG")
    return (Path(chosen) if chosen else Path.home() / ".docker") / "config.json"


def keep(server: str, username: str, secret: str, file: Path) -> str:
    """Keep a login at `server` (host and port), in place of one that was there; where, in words. Blocks.

    Raises:
        CredentialsNotKept: the file is not docker's, or the helper refuses.
        OSError: the file cannot be written, or there is no such helper.
    """
    config = _read(file)
    helper = _helper(config, server)
    if helper is not None:
        _ask(helper, "store", json.dumps({"ServerURL": server, "Username": username, "Secret": secret}).encode())
        # Docker asks its helper for those servers that it finds here.
        _section(config, "auths")[server] = {}
        _write(file, config)
        return f"docker-credential-{helper}"
    encoded = base64.b64encode(f"{username}:{secret}".encode()).decode()
    _section(config, "auths")[server] = {"auth": encoded}
    _write(file, config)
    return str(file)


def forget(server: str, file: Path) -> bool:
    """Keep the login at `server` no longer; whether the file knew of one. Blocks.

    Raises:
        CredentialsNotKept: the file is not docker's, or the helper refuses.
        OSError: the file cannot be written, or there is no such helper.
    """
    config = _read(file)
    auths = _section(config, "auths")
    known = [name for name in _names(server) if name in auths]
    helper = _helper(config, server)
    if helper is not None and known:
        _ask(helper, "erase", server.encode())
    for name in known:
        del auths[name]
    if known:
        _write(file, config)
    return bool(known)


def find(server: str, file: Path) -> Credentials:
    """What was kept of a login at `server`; `Anonymous` if nothing was. Blocks.

    Raises:
        CredentialsNotKept: the file is not docker's, or what it holds or its helper says are no credentials.
        OSError: the file cannot be read, or there is no such helper.
    """
    config = _read(file)
    helper = _helper(config, server)
    if helper is not None:
        return _asked(helper, server)
    auths = _section(config, "auths")
    entry: object = next((auths[name] for name in _names(server) if name in auths), {})
    if not isinstance(entry, dict):
        raise CredentialsNotKept("an entry of `auths` is not what docker writes there")
    if token := entry.get("identitytoken"):
        return IdentityToken(str(token))
    return _decoded(entry)


def server_of(host: str) -> str:
    """What a login at the registry of this host (and port) is kept under."""
    return HUB if host in _HUB_HOSTS else host


class DockerCredentials:
    """A provider for one registry: what docker has kept for `server` is shown to `origin`, and to no other.

    `credentials` raises what `find` does.
    """

    def __init__(self, server: str, origin: Origin, file: Path) -> None:
        self._server = server
        self._origin = origin
        self._file = file

    async def credentials(self, origin: Origin) -> Credentials:
        if origin != self._origin:
            return Anonymous()
        return await asyncio.to_thread(find, self._server, self._file)


def _names(server: str) -> tuple[str, ...]:
    """All that a login at `server` may be written under: older versions wrote URLs."""
    if server in _HUB_HOSTS:
        return (HUB, "index.docker.io", "docker.io", "registry-1.docker.io")
    return (server, f"https://{server}", f"https://{server}/", f"https://{server}/v1/", f"https://{server}/v2/")


def _decoded(entry: Mapping[str, Any]) -> Credentials:
    encoded = entry.get("auth")
    if not encoded:
        return Anonymous()
    try:
        username, colon, password = base64.b64decode(str(encoded), validate=True).decode().partition(":")
    except ValueError:
        raise CredentialsNotKept("an `auth` of docker's configuration is no base64") from None
    if not colon:
        raise CredentialsNotKept("an `auth` of docker's configuration is no name and password")
    return Password(username, password.rstrip("\0"))


def _asked(helper: str, server: str) -> Credentials:
    try:
        answer = _ask(helper, "get", server.encode())
    except CredentialsNotKept as error:
        # The protocol has no other way to say it.
        if "credentials not found" in str(error):
            return Anonymous()
        raise
    try:
        found = json.loads(answer)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise CredentialsNotKept(f"docker-credential-{helper} answers something else than credentials") from None
    if username == _TOKEN_USER:
        return IdentityToken(secret)
    return Password(username, secret) if secret else Anonymous()


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = opened.read(_CONFIG_BYTES + 1)
    except FileNotFoundError:
        return {}
    try:
        config = json.loads(content)
    except (ValueError, RecursionError):
        raise CredentialsNotKept(f"{file} is not JSON") from None
    if not isinstance(config, dict):
        raise CredentialsNotKept(f"{file} is no configuration of docker's")
    return config


def _section(config: dict[str, Any], name: str) -> dict[str, Any]:
    section = config.setdefault(name, {})
    if not isinstance(section, dict):
        raise CredentialsNotKept(f"`{name}` of docker's configuration is not what docker writes there")
    return section


def _helper(config: dict[str, Any], server: str) -> str | None:
    named = _section(config, "credHelpers").get(server) if "credHelpers" in config else None
    helper = named or config.get("credsStore")
    if not helper:
        return None
    # It becomes a part of a program's name.
    if not isinstance(helper, str) or not _HELPER.fullmatch(helper):
        raise CredentialsNotKept(f"docker's configuration names a helper that cannot be one: {str(helper)[:80]!r}")
    return helper


def _ask(helper: str, command: str, question: bytes) -> bytes:
    """What the helper program answers (docker-credential-helpers, "Development")."""
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(  # noqa: S603 - the program is the one that docker would run
            [program, command], input=question, capture_output=True, timeout=_HELPER_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise CredentialsNotKept(f"{program} does not end") from None
    if done.returncode != 0:
        said = " ".join(done.stdout.decode(errors="replace").split())[:200]
        raise CredentialsNotKept(f"{program} refuses: {said}")
    return done.stdout


def _write(file: Path, config: Mapping[str, Any]) -> None:
    # Whole or not at all, and never readable by others: it holds passwords. Where it is a link, what that leads to.
    target = file.resolve()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".config.json.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w") as opened:
            json.dump(config, opened, indent="\t")
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
