"""Commands about organisations, on a real database that no server has open."""

import json

from tests.registry.cli.running import Run


def test_an_organisation_is_made_joined_and_removed(registry: Run) -> None:
    registry("user", "add", "alice", "--password-stdin")

    assert registry("org", "create", "team").out == "organisation team is made\n"
    assert registry("org", "member", "add", "team", "alice", "--owner").out == "alice is an owner of team\n"
    shown = json.loads(registry("org", "show", "team", "--json").out)
    assert [(each["name"], each["is_owner"]) for each in shown["members"]] == [("alice", True)]
    assert registry("org", "member", "rm", "team", "alice").code == 0
    assert registry("org", "rm", "team").code == 2
    assert registry("org", "rm", "team", "--yes").out == "organisation team is removed\n"
    assert registry("org", "show", "team").err == "registry: there is no organisation team\n"
