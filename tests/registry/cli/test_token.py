"""Commands about tokens, on a real database that no server has open."""

import json

import pytest

from tests.registry.cli.running import Run


def test_a_token_is_printed_once_listed_and_revoked(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")
    choices = ("--allow", "pull,push", "--repository", "team/*", "--expires", "30d")

    secret = registry("token", "create", "--for", "alice", "--name", "ci", *choices).out.strip()
    listed = registry("token", "list", "--for", "alice", "--json").out

    [token] = json.loads(listed)["tokens"]
    assert secret.startswith("mrg_p_")
    assert secret not in listed
    assert (token["actions"], token["repositories"]) == (["pull", "push"], ["team/*"])
    assert registry("token", "list", "--for", "alice").out.split("\t")[3:5] == ["pull,push", "team/*"]
    assert registry("token", "rm", str(token["id"]), "--for", "alice").code == 0
    assert "revoked" in registry("token", "list", "--for", "alice").out


@pytest.mark.parametrize("wrong", [("--expires", "0d"), ("--expires", "99999d"), ("--allow", "all"), ("--name", "")])
def test_a_token_with_a_wish_that_cannot_be_read_is_wrong_usage(registry: Run, wrong: tuple[str, str]) -> None:
    assert registry("token", "create", "--for", "alice", "--name", "ci", *wrong).code == 2
