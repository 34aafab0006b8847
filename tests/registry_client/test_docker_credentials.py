"""What `docker login` would leave behind, left behind for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from registry_client.credentials import Anonymous, Credentials, IdentityToken, Password
from registry_client.docker_credentials import HUB, DockerCredentials, config_file, find, forget, keep, server_of
from registry_client.errors import CredentialsNotKept
from registry_client.origin import Origin

SERVER = "registry.example:5000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".docker" / "config.json"


def given(file: Path, config: Any) -> None:
    file.parent.mkdir()
    file.write_text(json.dumps(config))


def helper(directory: Path, name: str, body: str) -> None:
    program = directory / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def test_a_login_is_kept_as_docker_keeps_it_and_for_its_owner_only(file: Path) -> None:
    assert keep(SERVER, "alice", "secret", file) == str(file)

    auth = base64.b64encode(b"alice:secret").decode()
    assert json.loads(file.read_text()) == {"auths": {SERVER: {"auth": auth}}}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["config.json"]


def test_all_else_in_the_file_stays(file: Path) -> None:
    others = {"auths": {"other.example": {"auth": "eA=="}}, "psFormat": "x"}
    given(file, others)

    keep(SERVER, "alice", "secret", file)
    keep(SERVER, "bob", "secret", file)

    config = json.loads(file.read_text())
    assert config["auths"].pop(SERVER) == {"auth": base64.b64encode(b"bob:secret").decode()}
    assert config == others


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    given(file, {})
    link = tmp_path / "link.json"
    link.symlink_to(file)

    keep(SERVER, "alice", "secret", link)

    assert link.is_symlink()
    assert SERVER in json.loads(file.read_text())["auths"]


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"credsStore": "all"}, "all"),
        ({"credsStore": "all", "credHelpers": {SERVER: "one"}}, "one"),
        ({"credsStore": "all", "credHelpers": {"other.example": "one"}}, "all"),
    ],
    ids=["for all", "for this one", "for another one"],
)
def test_the_helper_that_docker_would_ask_keeps_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: Any, name: str
) -> None:
    given(file, config)
    for each in ("all", "one"):
        helper(tmp_path, each, f'[ "$1" = store ] && cat > {tmp_path}/kept-by-{each}')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert keep(SERVER, "alice", "secret", file) == f"docker-credential-{name}"

    [kept] = tmp_path.glob("kept-by-*")
    assert kept.name == f"kept-by-{name}"
    assert json.loads(kept.read_text()) == {"ServerURL": SERVER, "Username": "alice", "Secret": "secret"}
    assert "secret" not in file.read_text()


def test_a_helper_that_refuses_is_told_of(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(file, {"credsStore": "all"})
    helper(tmp_path, "all", "echo no keyring; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(CredentialsNotKept, match="no keyring"):
        keep(SERVER, "alice", "secret", file)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"auths": 7}', '{"credsStore": "../x"}', '{"credsStore": ["x"]}', '{"credHelpers": 7}', "[" * 100_000],
    ids=lambda text: text[:30],
)
def test_a_file_that_is_not_dockers_is_left_alone(file: Path, content: str) -> None:
    file.parent.mkdir()
    file.write_text(content)

    with pytest.raises(CredentialsNotKept):
        keep(SERVER, "alice", "secret", file)

    assert file.read_text() == content


def test_the_file_is_where_docker_looks() -> None:
    assert config_file({"DOCKER_CONFIG": "/elsewhere"}) == Path("/elsewhere/config.json")
    assert config_file({}) == Path.home() / ".docker" / "config.json"


@pytest.mark.parametrize("name", [SERVER, f"https://{SERVER}", f"https://{SERVER}/v1/"])
def test_a_login_is_found_under_each_name_that_docker_gave_it(file: Path, name: str) -> None:
    given(file, {"auths": {name: {"auth": base64.b64encode(b"alice:s:e").decode()}}})

    assert find(SERVER, file) == Password("alice", "s:e")
    assert find("registry.example", file) == Anonymous()


def test_what_was_kept_is_found_and_forgotten(file: Path) -> None:
    keep(SERVER, "alice", "secret", file)
    keep("other.example", "bob", "secret", file)

    assert find(SERVER, file) == Password("alice", "secret")
    assert forget(SERVER, file)
    assert not forget(SERVER, file)
    assert find(SERVER, file) == Anonymous()
    assert find("other.example", file) == Password("bob", "secret")


def test_all_names_of_docker_hub_are_one(file: Path) -> None:
    keep(server_of("docker.io"), "alice", "secret", file)

    assert list(json.loads(file.read_text())["auths"]) == [HUB]
    assert {server_of(host) for host in ("docker.io", "index.docker.io", "registry-1.docker.io")} == {HUB}
    assert server_of(SERVER) == SERVER


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"ServerURL":"x","Username":"alice","Secret":"s"}', Password("alice", "s")),
        ('{"ServerURL":"x","Username":"<token>","Secret":"t"}', IdentityToken("t")),
        ("credentials not found in native keychain'; exit 1; echo '", Anonymous()),
    ],
    ids=["a password", "a token", "nothing"],
)
def test_a_helper_is_asked_for_what_it_keeps(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: Credentials
) -> None:
    given(file, {"credsStore": "all"})
    helper(tmp_path, "all", f"[ $1 = get ] && [ $(cat) = {SERVER} ] || exit 9; echo '{answer}'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert find(SERVER, file) == found


def test_a_helper_forgets_what_it_kept(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(file, {"credsStore": "all", "auths": {SERVER: {}}})
    helper(tmp_path, "all", f'[ "$1" = erase ] && cat > {tmp_path}/erased')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert forget(SERVER, file)

    assert (tmp_path / "erased").read_text() == SERVER
    assert json.loads(file.read_text())["auths"] == {}


@pytest.mark.parametrize("entry", [{"auth": "!"}, {"auth": "eA=="}, 7])
def test_what_are_no_credentials_is_said(file: Path, entry: Any) -> None:
    given(file, {"auths": {SERVER: entry}})

    with pytest.raises(CredentialsNotKept):
        find(SERVER, file)


async def test_credentials_are_shown_to_their_own_origin_only(file: Path) -> None:
    keep(SERVER, "alice", "secret", file)
    own = Origin.parse(f"https://{SERVER}")
    provider = DockerCredentials(SERVER, own, file)

    assert await provider.credentials(own) == Password("alice", "secret")
    for other in (f"http://{SERVER}", "https://other.example:5000", "https://registry.example"):
        assert await provider.credentials(Origin.parse(other)) == Anonymous()
