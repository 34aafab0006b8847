"""Commands about roles, on a real database that no server has open."""

import json

from tests.registry.cli.running import Run


def test_a_role_is_granted_listed_and_taken_back(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")
    registry("org", "create", "team")

    assert registry("grant", "set", "alice", "writer", "team/*").out == "alice is writer in team/*\n"
    assert json.loads(registry("grant", "list", "alice", "--json").out)["grants"][0]["role"] == "writer"
    assert registry("grant", "list").code == registry("grant", "list", "alice", "--repository", "team/app").code == 2
    assert registry("grant", "rm", "alice", "team/*").code == 0
    assert registry("grant", "list", "alice").out == ""
