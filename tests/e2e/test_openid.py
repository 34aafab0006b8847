"""Real OpenID providers: a person logs in with a browser, and a job with the token that its CI system gives it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.e2e.browser import Browser
from tests.e2e.client import client
from tests.e2e.openid_providers import id_token_of_the_example, running_oidc_provider, running_openid_example
from tests.e2e.server import REGISTRY, RunningRegistry, running_registry
from tests.images import Image, ImageLayout
from tests.requirements import require_tool

_ENVIRONMENT = {
    "REGISTRY_AUTH__MODE": "token",
    "REGISTRY_AUTH__ADMIN_PASSWORD": "correct-horse-battery",
    "REGISTRY_EGRESS__ALLOW": "127.0.0.0/8,::1",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry that trusts a provider to say who people are."""
    folder = tmp_path_factory.mktemp("registry")
    with running_oidc_provider(folder / "provider.log") as issuer:
        oidc = {"REGISTRY_AUTH__OIDC__ISSUER": issuer, "REGISTRY_AUTH__OIDC__CLIENT_ID": "moorage"}
        with running_registry(folder, environment={**_ENVIRONMENT, **oidc}) as running:
            yield running


@pytest.mark.tool("oidc-provider")
@pytest.mark.tool("crane")
@pytest.mark.tool("busybox")
def test_a_person_logs_in_with_a_browser_and_pushes(registry: RunningRegistry, image: Image, tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = subprocess.Popen(
        [REGISTRY, "login", "--oidc", f"http://{registry.address}", "--name", "laptop"],
        env={**os.environ, "HOME": str(home), "DOCKER_CONFIG": str(home / ".docker")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stderr is not None
    told = command.stderr.readline() + command.stderr.readline()
    place = re.search(r"or go to (\S+)", told)
    assert place is not None, told
    Browser({"login": "alice", "password": "any"}).visit(place[1], until="Sign-in Success")

    out, err = command.communicate(timeout=90)

    assert command.returncode == 0, err
    assert out.startswith(f"alice is logged in at {registry.address} until ")
    single = ImageLayout(tmp_path / "single")
    single.put_image("one", image)
    crane = client(require_tool("crane"), home=home)
    crane("push", single.root, f"{registry.address}/alice/app:1")
    crane("validate", "--remote", f"{registry.address}/alice/app:1")
    crane.refused("push", single.root, f"{registry.address}/bob/app:1")
    assert "mrg_p_" not in registry.log.read_text() + out + err


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An issuer of tokens for jobs, of which the registry knows nothing but what a robot trusts."""
    with running_openid_example(tmp_path_factory.mktemp("issuer") / "log") as issuer:
        yield issuer


@pytest.mark.tool("oidc-provider")
@pytest.mark.tool("openid-example")
@pytest.mark.tool("crane")
@pytest.mark.tool("busybox")
def test_a_job_pushes_with_the_token_that_its_system_gives_it(
    registry: RunningRegistry, issuer: str, image: Image, tmp_path: Path
) -> None:
    operate(registry, "org", "create", "team")
    operate(registry, "robot", "create", "team+ci", "--no-token", "--repository", "team/*", "--role", "writer")
    single = ImageLayout(tmp_path / "single")
    single.put_image("one", image)
    crane = client(require_tool("crane"), home=tmp_path / "home")
    token = id_token_of_the_example(issuer)
    crane("auth", "login", registry.address, "--username=team+ci", f"--password={token}")
    crane.refused("push", single.root, f"{registry.address}/team/app:1")

    trust = ("--issuer", issuer, "--audience", "native", "--claim", "sub=id2")
    operate(registry, "robot", "trust", "add", "team+ci", *trust)

    crane("push", single.root, f"{registry.address}/team/app:1")
    crane("validate", "--remote", f"{registry.address}/team/app:1")
    crane.refused("push", single.root, f"{registry.address}/other/app:1")
    exchanged = exchange(registry, token)
    assert exchanged["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    operate(registry, "robot", "trust", "rm", "team+ci", "1")
    crane.refused("push", single.root, f"{registry.address}/team/app:2")
    assert token not in registry.log.read_text()


def operate(registry: RunningRegistry, *arguments: str) -> None:
    """Run a command beside the running registry."""
    command: list[str | Path] = [REGISTRY, *arguments, "--data", registry.data]
    subprocess.run(command, check=True, capture_output=True, timeout=90)


def exchange(registry: RunningRegistry, token: str) -> dict[str, Any]:
    """What the token exchange (RFC 8693) gives for a job's token."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "scope": "repository:team/app:pull",
    }
    with urlopen(f"http://{registry.address}/token", urlencode(form).encode(), timeout=90) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
