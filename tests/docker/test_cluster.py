"""The compose file of several nodes: compose takes it, and the balancer and the registry take what it gives them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.build import ROOT
from tests.e2e.server import REGISTRY
from tests.requirements import require_tool

COMPOSE_FILE = ROOT / "docker" / "compose.cluster.yaml"
SECRETS = {"DATABASE_PASSWORD": "one", "S3_SECRET": "another", "ADMIN_PASSWORD": "correct-horse-battery"}
# What the image says.
IMAGE = {"REGISTRY_SERVER__LISTEN": "0.0.0.0:5000", "REGISTRY_SERVER__DATA": "/data", "REGISTRY_AUTH__MODE": "token"}
NODES = ("node-1", "node-2")


@pytest.mark.tool("docker-compose")
def test_compose_takes_it() -> None:
    assert set(services()) == {"balancer", "database", "s3", *NODES}


@pytest.mark.tool("docker-compose")
@pytest.mark.parametrize("missing", SECRETS)
def test_it_starts_with_no_secret_that_nobody_chose(missing: str) -> None:
    run = compose({name: value for name, value in SECRETS.items() if name != missing})

    assert run.returncode != 0
    assert "see the head of the file" in run.stderr


@pytest.mark.tool("docker-compose")
def test_nodes_may_write_nowhere_and_gain_nothing() -> None:
    for node in NODES:
        service = services()[node]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "volumes" not in service


@pytest.mark.tool("docker-compose")
def test_only_the_balancer_can_be_reached_and_from_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert list(published) == ["balancer"]
    assert "127.0.0.1" in str(published["balancer"])


@pytest.mark.tool("docker-compose")
def test_the_registry_takes_what_its_nodes_are_told(tmp_path: Path) -> None:
    first, second = (services()[node]["environment"] for node in NODES)

    run = subprocess.run(
        [REGISTRY, "config", "check"],
        env={**_inherited("REGISTRY_"), **IMAGE, **{name: str(value) for name, value in first.items()}},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert first == second
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.tool("docker-compose")
@pytest.mark.tool("haproxy")
def test_the_balancer_takes_its_configuration() -> None:
    # Names that are known here; in the containers, Docker knows them.
    told = services()["balancer"]["environment"] | dict.fromkeys(("NODE_1", "NODE_2"), "127.0.0.1:5000")
    configuration = ROOT / "docker" / "haproxy.cfg"

    run = subprocess.run(
        [require_tool("haproxy"), "-c", "-q", "-f", configuration],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@cache
def services() -> dict[str, Any]:
    """The services as compose understands them."""
    run = compose(SECRETS)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = yaml.safe_load(run.stdout)["services"]
    return found


def compose(secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What `docker-compose config` says with a file of these secrets."""
    with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
        file.writelines(f"{name}={value}\n" for name, value in secrets.items())
        file.flush()
        return subprocess.run(
            [require_tool("docker-compose"), "--file", COMPOSE_FILE, "--env-file", file.name, "config"],
            env=_inherited(*SECRETS),
            capture_output=True,
            text=True,
            check=False,
        )


def _inherited(*without: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(without)}
