"""Two real OpenID providers, each with forms that a person fills in."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

from tests.e2e.browser import Browser
from tests.ports import free_port
from tests.requirements import require_tool

_START_S = 90.0
_POLL_S = 0.02


@contextmanager
def running_oidc_provider(log: Path) -> Iterator[str]:
    """The issuer of npm's `oidc-provider`: its client `moorage` may use the device flow, and all names may log in."""
    port = free_port()
    with _running(["oidc-provider", str(port)], {}, log, f"http://localhost:{port}") as issuer:
        yield issuer


@contextmanager
def running_openid_example(log: Path) -> Iterator[str]:
    """The issuer of the example server of zitadel/oidc; its users and clients are its own."""
    port = free_port()
    variables = {"PORT": str(port), "REDIRECT_URI": f"http://localhost:{port}/logged-out"}
    with _running(["openid-example"], variables, log, f"http://localhost:{port}/") as issuer:
        yield issuer


def id_token_of_the_example(issuer: str) -> str:
    """An ID token of the example's user `id2` for its client `native`, by the authorization code flow with PKCE."""
    verifier, redirect = secrets.token_urlsafe(40), f"{issuer}logged-out"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": "native",
        "redirect_uri": redirect,
        "response_type": "code",
        "scope": "openid profile",
        "state": "state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    browser = Browser({"username": "test-user2", "password": "verysecure"})
    reached = browser.visit(f"{issuer}auth?{urlencode(query)}", until="code=")
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(reached).query)["code"][0],
        "client_id": "native",
        "redirect_uri": redirect,
        "code_verifier": verifier,
    }
    with urlopen(f"{issuer}oauth/token", urlencode(form).encode(), timeout=90) as response:
        token: str = json.load(response)["id_token"]
        return token


@contextmanager
def _running(command: list[str], variables: dict[str, str], log: Path, issuer: str) -> Iterator[str]:
    program, *arguments = command
    with log.open("wb") as output:
        process = subprocess.Popen(
            [require_tool(program), *arguments], env={**os.environ, **variables}, stdout=output, stderr=output
        )
    try:
        _wait_for(issuer, process, log)
        yield issuer
    finally:
        process.kill()
        process.wait()


def _wait_for(issuer: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the provider ended at its start:\n{log.read_text()}"
        try:
            with urlopen(f"{issuer.removesuffix('/')}/.well-known/openid-configuration", timeout=90):
                return
        except (URLError, ConnectionError):
            time.sleep(_POLL_S)
    raise AssertionError(f"{issuer} was not ready in {_START_S} s:\n{log.read_text()}")
