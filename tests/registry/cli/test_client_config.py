"""`registry client-config`: from the configuration to the files of a client."""

import json
from pathlib import Path

import pytest

from tests.registry.cli.running import Run

NAME = "registry.example.com"


@pytest.fixture
def config(run: Run, tmp_path: Path) -> str:
    """A configuration file as `registry tls init` prints it, for a registry on every interface."""
    made = run("tls", "init", "--host", NAME)
    file = tmp_path / "config.toml"
    # It could not start: everyone may do everything. Clients can be told how to reach it all the same.
    file.write_text(f'server.listen = "0.0.0.0:5000"\n{made.out}')
    return str(file)


def test_the_printed_files_are_those_of_the_document(run: Run, config: str, tmp_path: Path) -> None:
    document = json.loads(run("client-config", "docker", "--config", config, "--json").out)
    shown = run("client-config", "docker", "--config", config)

    (file,) = document["files"]
    assert file == {
        "path": f"/etc/docker/certs.d/{NAME}:5000/ca.crt",
        "mode": "0644",
        "shared": False,
        "content": (tmp_path / "data/tls/ca.crt").read_text(),
    }
    assert shown.out == f"# {file['path']} (mode 644)\n{file['content']}"
    assert f"{NAME}:5000/, over HTTPS" in shown.err


@pytest.mark.parametrize("kind", ["docker", "containerd", "podman", "kubernetes", "k3s"])
def test_what_is_written_is_what_is_shown(run: Run, config: str, kind: str, tmp_path: Path) -> None:
    run("tls", "client", "laptop")
    arguments = ("client-config", kind, "--config", config, "--cert", "data/tls/clients/laptop.crt")

    shown = json.loads(run(*arguments, "--json").out)["files"]
    written = run(*arguments, "--write", "machine").out.splitlines()

    assert written == [f"machine{file['path']}" for file in shown]
    for file in shown:
        assert (tmp_path / f"machine{file['path']}").read_text() == file["content"]
    assert any(file["content"] == (tmp_path / "data/tls/clients/laptop.key").read_text() for file in shown)


def test_a_machine_without_the_configuration_is_told_by_flags(run: Run, config: str) -> None:
    flags = ("--host", f"https://{NAME}:5000", "--ca", "data/tls/ca.crt")

    assert run("client-config", "podman", *flags).out == run("client-config", "podman", "--config", config).out


def test_a_registry_that_asks_for_certificates_is_pointed_out(run: Run, config: str, tmp_path: Path) -> None:
    setting = ("--set", f"tls.client_ca={tmp_path}/data/tls/ca.crt")

    assert "--cert" in run("client-config", "docker", "--config", config, *setting).err
    assert "--cert" not in run("client-config", "docker", "--config", config).err


def test_a_registry_that_only_this_machine_reaches_is_pointed_out(run: Run, config: str) -> None:
    local = ("--config", config, "--set", "server.listen=127.0.0.1:5000")

    assert "server.listen" in run("client-config", "docker", *local).err
    assert "server.listen" not in run("client-config", "docker", *local, "--host", NAME).err
    assert "server.listen" not in run("client-config", "docker", "--config", config).err


def test_an_authority_that_is_not_known_is_asked_for(run: Run, config: str, tmp_path: Path) -> None:
    (tmp_path / "data/tls/ca.crt").unlink()

    ended = run("client-config", "docker", "--config", config)

    assert (ended.code, ended.out) == (0, "")
    assert "CN=Moorage authority" in ended.err
    assert "--ca" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["docker", "--set", "server.listen=0.0.0.0:5000"], 1, "--host"),
        (["docker", "--host", "https://example.com/images"], 1, "at the root"),
        (["docker", "--set", "server.external_url=https://.."], 1, "server.external_url"),
        (["docker", "--host", "http://a:5000", "--write", "machine", "--force"], 1, "daemon.json"),
        (["docker", "--host", "a b"], 2, "--host"),
        (["docker", "--host", "a:5000", "--ca", "file"], 2, "--host https://a:5000"),
        (["docker", "--ca", "missing"], 2, "missing"),
        (["docker", "--host", "https://a:5000", "--ca", "file"], 1, "no certificate"),
        (["docker", "--key", "file"], 2, "--cert"),
        (["docker", "--force"], 2, "--write"),
        (["rkt"], 2, "podman"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(
    run: Run, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "machine/etc/docker").mkdir(parents=True)
    (tmp_path / "machine/etc/docker/daemon.json").write_text("{}")

    ended = run("client-config", *arguments)

    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert says in line
