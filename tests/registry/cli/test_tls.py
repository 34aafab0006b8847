"""`registry tls`: what it prints can be used as it is, and what it refuses, it refuses in one line."""

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.app.tls import tls_context
from registry.config import load
from tests.registry.cli.running import Run

HOST = ("--host", "registry.example.com")


def variables(printed: str) -> dict[str, str]:
    """The assignments among the comments."""
    return dict(re.findall(r"^# +(REGISTRY_\w+)=(.+)$", printed, re.MULTILINE))


def test_what_init_prints_is_a_configuration_in_either_form(run: Run, tmp_path: Path) -> None:
    made = run("tls", "init", *HOST, "--data", "my data")
    (tmp_path / "config.toml").write_text(made.out)

    from_file = load(tmp_path / "config.toml", environment={})
    from_environment = load(environment=variables(made.out))

    assert made.code == 0
    assert from_file.tls == from_environment.tls
    assert from_file.tls.certificate == tmp_path / "my data/tls/server.crt"
    assert tls_context(from_file.tls) is not None


def test_the_configuration_may_name_files_that_are_yet_to_be_made(run: Run, tmp_path: Path) -> None:
    paths = {name: tmp_path / f"data/tls/server.{end}" for name, end in (("CERTIFICATE", "crt"), ("KEY", "key"))}
    environment = {f"REGISTRY_TLS__{name}": str(path) for name, path in paths.items()}

    before = run("config", "check", environment=environment)
    made = run("tls", "init", *HOST, environment=environment)
    after = run("config", "check", environment=environment)

    assert (before.code, made.code, after.code) == (1, 0, 0)
    assert variables(made.out) == environment


def test_a_client_needs_one_key_more(run: Run, tmp_path: Path) -> None:
    run("tls", "init", *HOST)

    made = run("tls", "client", "laptop")

    assert tomllib.loads(made.out) == {"tls": {"client_ca": str(tmp_path / "data/tls/client-ca.crt")}}
    assert str(tmp_path / "data/tls/clients/laptop.crt") in made.err


def test_a_second_init_says_how_to_renew_and_how_to_replace(run: Run) -> None:
    run("tls", "init", *HOST)

    again = run("tls", "init", *HOST)
    forced = run("tls", "init", "--host", "[fd00::5]", "--force", "--json")

    assert again.code == 1
    (line,) = again.err.splitlines()
    assert "registry tls renew" in line
    assert "--force" in line
    assert (forced.code, json.loads(forced.out)["hosts"], forced.err) == (0, ["fd00::5"], "")


def test_a_second_client_of_the_same_name_is_refused_unless_it_is_meant(run: Run) -> None:
    run("tls", "client", "laptop")

    again = run("tls", "client", "laptop")
    forced = run("tls", "client", "laptop", "--force")

    assert (again.code, forced.code) == (1, 0)
    assert "--force" in again.err


def test_a_renewal_waits_until_it_is_due(run: Run) -> None:
    run("tls", "init", *HOST, "--days", "30")

    early = run("tls", "renew", "--if-days-left", "20")
    early_for_programs = json.loads(run("tls", "renew", "--if-days-left", "20", "--json").out)
    due = json.loads(run("tls", "renew", "--if-days-left", "40", "--json").out)

    assert (early.code, early.out) == (0, "")
    assert "nothing to do" in early.err
    assert early_for_programs["renewed"] is False
    assert due["renewed"] is True
    assert datetime.fromisoformat(due["valid_until"]) > datetime.now(UTC) + timedelta(days=800)


def test_a_renewal_adds_hosts_and_is_due_where_one_is_missing(run: Run) -> None:
    run("tls", "init", *HOST)

    renewed = run("tls", "renew", "--host", "10.0.0.5", "--if-days-left", "20")
    again = run("tls", "renew", "--host", "10.0.0.5", "--if-days-left", "20")

    assert renewed.code == 0
    assert "registry.example.com, 10.0.0.5" in renewed.err
    assert "nothing to do" in again.err


def test_listening_for_this_machine_only_is_pointed_out(run: Run) -> None:
    local = run("tls", "init", *HOST, "--dir", "one")
    open_to_others = run("tls", "init", *HOST, "--dir", "two", "--set", "server.listen=0.0.0.0:5000")

    assert "server.listen" in local.err
    assert open_to_others.code == 0
    assert "server.listen" not in open_to_others.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["init", "--host", "registry.example.com:5000"],
        ["init", *HOST, "--days", "826"],
        ["client", "../laptop"],
        ["client", ""],
    ],
)
def test_what_makes_no_sense_is_wrong_usage(run: Run, arguments: list[str], tmp_path: Path) -> None:
    ended = run("tls", *arguments)

    assert ended.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    ended = run("tls", "init", *HOST, "--dir", "file/tls")

    assert ended.code == 1
    (line,) = ended.err.splitlines()
    assert "file/tls" in line
