"""What `docker login` would leave behind, left behind for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from registry.client_files.docker_credentials import CredentialsNotKept, config_file, keep

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
