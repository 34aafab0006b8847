"""Where docker and its relatives keep what they log in with: `config.json`, or a helper program that it names.

Docker's "docker login", "Credential stores": `credHelpers` names a helper for one registry, `credsStore` one for all
others; where neither does, the file itself holds name and password.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_HELPER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HELPER_S: Final = 60
_CONFIG_BYTES: Final = 4 * 1024 * 1024


class CredentialsNotKept(Exception):
    """A login cannot be kept; `str()` says why."""


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
        _tell(helper, {"ServerURL": server, "Username": username, "Secret": secret})
        # Docker asks its helper for those servers that it finds here.
        _section(config, "auths")[server] = {}
        _write(file, config)
        return f"docker-credential-{helper}"
    encoded = base64.b64encode(f"{username}:{secret}".encode()).decode()
    _section(config, "auths")[server] = {"auth": encoded}
    _write(file, config)
    return str(file)


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


def _tell(helper: str, login: Mapping[str, str]) -> None:
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(  # noqa: S603 - the program is the one that docker would run
            [program, "store"], input=json.dumps(login).encode(), capture_output=True, timeout=_HELPER_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise CredentialsNotKept(f"{program} does not end") from None
    if done.returncode != 0:
        said = " ".join(done.stdout.decode(errors="replace").split())[:200]
        raise CredentialsNotKept(f"{program} refuses: {said}")


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
