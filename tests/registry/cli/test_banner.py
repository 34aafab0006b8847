"""What a person reads when the registry has started."""

from pathlib import Path

import pytest

from registry.cli.banner import banner
from registry.config import load
from registry.config.values import SocketAddress


def test_it_says_where_the_data_is_and_what_to_paste(tmp_path: Path) -> None:
    config = load(environment={}, flags={"server.data": str(tmp_path)})

    text = banner(config, SocketAddress("127.0.0.1", 5001))

    assert "http://127.0.0.1:5001" in text
    assert f"{tmp_path}/storage" in text
    assert f"{tmp_path}/registry.db" in text
    assert "http://localhost:5001/api/v1/openapi.json" in text
    for line in (
        "docker tag IMAGE localhost:5001/team/app:1",
        "docker push localhost:5001/team/app:1",
        "docker pull localhost:5001/team/app:1",
        "podman push --tls-verify=false localhost:5001/team/app:1",
        "--dest-tls-verify=false",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("listen", "host"),
    [("0.0.0.0:5000", "localhost:5000"), ("[::]:5000", "localhost:5000"), ("192.0.2.1:80", "192.0.2.1:80")],
)
def test_the_lines_name_an_address_that_clients_can_reach(listen: str, host: str) -> None:
    config = load(environment={}, flags={"server.listen": listen, "auth.allow_open": "true"})

    assert f"docker push {host}/team/app:1" in banner(config, config.server.listen)


def test_behind_a_proxy_the_lines_name_its_address() -> None:
    config = load(environment={}, flags={"server.external_url": "https://registry.example.com"})

    text = banner(config, config.server.listen)

    assert "docker push registry.example.com/team/app:1" in text
    assert "https://registry.example.com/api/v1/openapi.json" in text
    assert "tls-verify" not in text


def test_over_tls_no_client_is_told_to_skip_verification(tmp_path: Path) -> None:
    (tmp_path / "pem").touch()
    pem = str(tmp_path / "pem")
    config = load(environment={}, flags={"tls.certificate": pem, "tls.key": pem})

    text = banner(config, config.server.listen)

    assert "https://127.0.0.1:5000" in text
    assert "tls-verify" not in text


def test_who_has_to_log_in_is_told_so_first() -> None:
    config = load(environment={}, flags={"auth.mode": "token"})

    lines = [line.strip() for line in banner(config, config.server.listen).splitlines()]

    assert lines.index("docker login localhost:5000") < lines.index("docker push localhost:5000/team/app:1")


def test_a_password_is_not_shown() -> None:
    config = load(environment={}, flags={"database.url": "postgresql://u:hunter2@h/d"})

    assert "hunter2" not in banner(config, config.server.listen)
