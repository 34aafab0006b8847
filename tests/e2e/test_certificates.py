"""What `registry tls` makes is accepted by those who look closest: OpenSSL in strict mode, Go, curl and Python."""

import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import client
from tests.e2e.server import REGISTRY
from tests.images import ImageLayout, build_image
from tests.registry.app.processes import Registry, running
from tests.requirements import require_tool

NAMES = ("registry.example.com", "one.wild.example.com", "localhost")
ADDRESSES = ("127.0.0.1", "192.0.2.5", "2001:db8::5")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of a server and a client."""
    made = tmp_path_factory.mktemp("tls")
    hosts = [NAMES[0], "*.wild.example.com", NAMES[2], *ADDRESSES]
    arguments = [part for host in hosts for part in ("--host", host)]
    run_tls("init", *arguments, "--dir", made)
    run_tls("client", "laptop", "--dir", made)
    return made


@pytest.fixture(scope="module")
def registry(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with that certificate, which asks clients for theirs."""
    settings = ("tls.certificate=server.crt", "tls.key=server.key", "tls.client_ca=client-ca.crt")
    with running(tmp_path_factory.mktemp("data"), *(setting.replace("=", f"={folder}/") for setting in settings)) as it:
        yield it


def run_tls(*arguments: str | Path) -> None:
    subprocess.run([REGISTRY, "tls", *arguments], check=True, capture_output=True)


def verify(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [require_tool("openssl"), "verify", "-x509_strict", *arguments]
    return subprocess.run(command, check=False, capture_output=True)


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("host", [*NAMES, *ADDRESSES])
def test_openssl_accepts_the_server_under_each_of_its_names(folder: Path, host: str) -> None:
    named = ("-verify_ip" if host in ADDRESSES else "-verify_hostname", host)
    files = ("-CAfile", folder / "ca.crt", folder / "server.crt")

    assert verify("-purpose", "sslserver", *named, *files).returncode == 0
    assert verify("-purpose", "sslserver", "-verify_hostname", "other.example.com", *files).returncode != 0


@pytest.mark.tool("openssl")
def test_openssl_accepts_each_certificate_for_its_purpose_and_from_its_authority_only(folder: Path) -> None:
    client_files = ("-CAfile", folder / "client-ca.crt", folder / "clients/laptop.crt")
    server_files = ("-CAfile", folder / "ca.crt", folder / "server.crt")

    assert verify("-purpose", "sslclient", *client_files).returncode == 0
    assert verify("-purpose", "sslserver", *client_files).returncode != 0
    assert verify("-purpose", "sslclient", *server_files).returncode != 0
    assert verify("-CAfile", folder / "ca.crt", folder / "clients/laptop.crt").returncode != 0


@pytest.mark.tool("curl")
@pytest.mark.parametrize("host", [*NAMES, *ADDRESSES])
def test_curl_accepts_the_server_and_shows_the_client(
    folder: Path, registry: Registry, host: str, tmp_path: Path
) -> None:
    shown = f"[{host}]" if ":" in host else host
    curl = client(require_tool("curl"), "--silent", "--show-error", "--fail", home=tmp_path)
    there = (
        *("--connect-to", f"{shown}:443:127.0.0.1:{registry.port}", f"https://{shown}/v2/"),
        *("--cacert", folder / "ca.crt"),
    )

    curl(*there, "--cert", folder / "clients/laptop.crt", "--key", folder / "clients/laptop.key")

    curl.refused(*there)
    assert "certificate" in curl.refused(*there[:-2], "--cacert", folder / "client-ca.crt")


@pytest.mark.parametrize("host", [*NAMES, *ADDRESSES])
def test_python_accepts_the_server_in_strict_mode(folder: Path, registry: Registry, host: str) -> None:
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    # What Python 3.13 does without being asked.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(folder / "clients/laptop.crt", folder / "clients/laptop.key")

    with (
        socket.create_connection(("127.0.0.1", registry.port)) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        connection.sendall(b"GET /v2/ HTTP/1.0\r\nHost: a\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.0 200 ")


@pytest.mark.tool("crane")
def test_go_accepts_the_server(folder: Path, tmp_path: Path) -> None:
    layout = ImageLayout(tmp_path / "layout")
    layout.put_image("one", build_image({"file": b"content"}))
    settings = (f"tls.certificate={folder}/server.crt", f"tls.key={folder}/server.key")
    crane = client(
        require_tool("crane"), home=tmp_path / "crane", environment={"SSL_CERT_FILE": str(folder / "ca.crt")}
    )
    distrustful = client(require_tool("crane"), home=tmp_path / "distrustful")

    with running(tmp_path / "data", *settings) as registry:
        crane("push", layout.root, f"localhost:{registry.port}/team/app:1")

        assert json.loads(crane("manifest", f"127.0.0.1:{registry.port}/team/app:1"))["schemaVersion"] == 2
        assert "x509" in distrustful.refused("manifest", f"localhost:{registry.port}/team/app:1")


def test_a_renewed_certificate_is_shown_by_the_registry_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    run_tls("init", "--host", "localhost", "--dir", folder)
    settings = (f"tls.certificate={folder}/server.crt", f"tls.key={folder}/server.key")
    with running(tmp_path / "data", *settings, "server.workers=1") as registry:
        first = shown(registry)
        run_tls("renew", "--host", "registry.example.com", "--dir", folder)

        registry.signal(signal.SIGHUP)
        registry.await_event("the certificate was renewed")

        assert first != shown(registry) == (folder / "server.crt").read_text()
        context = ssl.create_default_context(cafile=folder / "ca.crt")
        assert registry.ask("GET", "/v2/", tls=context).status == 200


def shown(registry: Registry) -> str:
    """The certificate that a new connection sees."""
    return ssl.get_server_certificate(("127.0.0.1", registry.port))
