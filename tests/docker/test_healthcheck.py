"""The image's health check as a program, asking a registry that runs here."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.docker.build import ROOT
from tests.registry.app.processes import running


def check(listen: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"REGISTRY_SERVER__LISTEN": listen, **environment}
    command: list[str | Path] = [sys.executable, ROOT / "docker" / "healthcheck.py"]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("keys", [(), ("certificate", "key"), ("certificate", "key", "client_ca")])
def test_a_registry_that_serves_is_ready(tmp_path: Path, keys: tuple[str, ...]) -> None:
    authority = Authority.made_in(tmp_path / "authority")
    server = authority.sign("registry.example.org")
    files = {"certificate": server.certificate, "key": server.key, "client_ca": authority.certificate}
    settings = [f"tls.{key}={files[key]}" for key in keys]
    variables = {f"REGISTRY_TLS__{key.upper()}": str(files[key]) for key in keys}

    with running(tmp_path / "data", "server.external_url=https://example.org/images", *settings) as registry:
        checked = check(f"127.0.0.1:{registry.port}", **variables)

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("variables", [{}, {"REGISTRY_TLS__CLIENT_CA": "ca.pem"}])
def test_where_nobody_listens_nothing_is_ready(variables: dict[str, str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        checked = check(f"127.0.0.1:{nobody.getsockname()[1]}", **variables)

    assert checked.returncode == 1
    assert checked.stderr.startswith("not ready: ")
