"""Commands about repositories and tags, on a real database and store that no server has open."""

import asyncio
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from oci_spec.media_types import OCI_INDEX
from oci_spec.reference import RepositoryName, Tag
from registry.app.assembly import open_services
from registry.auth.access import grant
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS
from registry.config import load
from registry.services import push
from tests.registry.cli.running import Ended, Run

UNKNOWN = "sha256:" + "0" * 64


@pytest.fixture
def registry(run: Run, tmp_path: Path, migrated_sqlite_file: Path) -> Run:
    """Run a command on a registry that holds `team/app` with the tags `1`, `2` and `latest`, and `team/web`."""
    shutil.copyfile(migrated_sqlite_file, tmp_path / "registry.db")
    asyncio.run(fill(tmp_path))

    def run_there(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
        return run(*arguments, "--data", str(tmp_path), environment=environment)

    return run_there


async def fill(data: Path) -> None:
    async with open_services(load(environment={}, flags={"server.data": str(data)})) as services:
        for name, tags in (("team/app", ["1"]), ("team/app", ["2", "latest"]), ("team/web", ["1"])):
            await push.manifest(
                services,
                await grant(services.policy, ANONYMOUS, Permission.PUSH, RepositoryName.parse(name)),
                Tag.parse(tags[0]),
                index(f"{name} {tags}"),
                content_type=OCI_INDEX,
                extra_tags=tuple(Tag.parse(tag) for tag in tags[1:]),
            )


def index(note: str) -> bytes:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"note": note}}
    return json.dumps(document).encode()


def listed(ended: Ended) -> dict[str, Any]:
    assert (ended.code, ended.err) == (0, "")
    document: dict[str, Any] = json.loads(ended.out)
    return document


def digests(registry: Run, repository: str = "team/app") -> dict[str, str]:
    return {tag["name"]: tag["digest"] for tag in listed(registry("tag", "list", repository, "--json"))["tags"]}


def test_repositories_are_found_by_words(registry: Run) -> None:
    registry("repository", "describe", "team/web", "--text", "Shows the app.")

    document = listed(registry("repository", "search", "app", "TEAM", "--json"))
    rows = registry("repository", "search", "app", "--limit", "1").out.splitlines()

    assert [found["name"] for found in document["repositories"]] == ["team/app", "team/web"]
    assert document["complete"] is True
    assert [row.split("\t")[0] for row in rows] == ["team/app"]
    assert registry("repository", "search", " ").code == 1


def test_repositories_are_listed_for_programs_and_pipes(registry: Run) -> None:
    document = listed(registry("repository", "list", "--json"))
    rows = registry("repository", "list").out.splitlines()

    assert [(found["name"], found["tags"]) for found in document["repositories"]] == [("team/app", 3), ("team/web", 1)]
    assert [row.split("\t")[:3] for row in rows] == [["team/app", "team", "3"], ["team/web", "team", "1"]]


def test_a_list_longer_than_a_page_is_complete(registry: Run) -> None:
    small = ("--set", "limits.page_entries=1", "--json")

    repositories = listed(registry("repository", "list", *small))["repositories"]
    tags = listed(registry("tag", "list", "team/app", *small))["tags"]

    assert [found["name"] for found in repositories] == ["team/app", "team/web"]
    assert [found["name"] for found in tags] == ["1", "2", "latest"]


def test_one_repository_is_shown(registry: Run) -> None:
    document = listed(registry("repository", "show", "team/app", "--json"))
    text = registry("repository", "show", "team/app").out

    assert (document["name"], document["tags"]) == ("team/app", 3)
    assert document["created_at"] <= document["updated_at"]
    assert "tags\t3" in text


def test_a_repository_belongs_to_whom_it_was_given_and_else_to_its_namespace(registry: Run) -> None:
    registry("org", "create", "crew")
    registry("team", "create", "crew/builders")
    registry("repository", "chown", "team/web", "@crew/builders")

    found = listed(registry("repository", "list", "--json"))["repositories"]

    assert {each["name"]: each["owners"] for each in found} == {"team/app": ["team"], "team/web": ["@crew/builders"]}
    assert "owner\t@crew/builders" in registry("repository", "show", "team/web").out
    assert registry("repository", "search", "web").out.split("\t")[1] == "@crew/builders"


def test_a_repository_is_described_from_text_files_and_pipes(registry: Run, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("# From a file\n\nMore.\n")

    assert registry("repository", "describe", "team/app", "--text", "# Words").out == "team/app is described\n"
    assert "DESCRIPTION" not in registry("repository", "list").out
    assert registry("repository", "list").out.splitlines()[0].endswith("\tWords")
    assert registry("repository", "describe", "team/app", "--file", str(file)).code == 0
    assert registry("repository", "show", "team/app").out.endswith("\n# From a file\n\nMore.\n")
    assert listed(registry("repository", "show", "team/app", "--json"))["description"] == file.read_text()
    ended = registry("repository", "describe", "team/app", "--text", "")
    assert ended.out == "team/app has no description any more\n"


def test_a_description_that_cannot_be_taken_is_told(registry: Run, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    for content, reason in ((b"\xff", "no text in UTF-8"), (b"a" * 20_481, "more than 20480 bytes"), (b"\0", "U+0000")):
        file.write_bytes(content)
        ended = registry("repository", "describe", "team/app", "--file", str(file))
        assert ended.code == 1
        assert reason in ended.err
    assert registry("repository", "describe", "team/app", "--file", str(tmp_path / "none")).code == 1
    assert registry("repository", "describe", "team/app").code == 2
    assert registry("repository", "describe", "team/app", "--text", "a", "--file", str(file)).code == 2


def test_repositories_are_published_by_name_and_pattern(registry: Run) -> None:
    one = registry("repository", "visibility", "team/web", "public")
    assert one.out == "team/web is public\n"

    several = listed(registry("repository", "visibility", "team/*", "public", "--json"))

    assert several == {"visibility": "public", "repositories": ["team/app", "team/web"]}
    found = listed(registry("repository", "list", "--json"))["repositories"]
    assert [each["visibility"] for each in found] == ["public", "public"]
    assert registry("repository", "visibility", "none/*", "public").err == "registry: no repository fits none/*\n"
    assert registry("repository", "visibility", "*/app", "public").code == 2
    assert registry("repository", "visibility", "team/app", "hidden").code == 2


def test_repositories_get_another_owner_by_name_and_pattern(registry: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    registry("user", "add", "alice", "--password-stdin")
    registry("grant", "set", "alice", "reader", "team/*")

    assert registry("repository", "chown", "team/web", "alice").out == "team/web is alice's\n"
    several = listed(registry("repository", "chown", "team/*", "alice", "--json"))

    assert several == {"owner": "alice", "repositories": ["team/app", "team/web"]}
    assert registry("repository", "chown", "none/*", "alice").err == "registry: no repository fits none/*\n"
    assert registry("repository", "chown", "team/*", "bob").err == "registry: there is no account bob\n"
    rows = registry("grant", "list", "--repository", "team/app").out
    assert rows == "alice\towner\towner in team/app, reader in team/*\n"
    [role] = listed(registry("grant", "list", "--repository", "team/app", "--json"))["roles"]
    assert role["sources"][0] == {"role": "owner", "repository": "team/app", "team": None}
    registry("org", "member", "add", "team", "alice", "--owner")
    assert "owns the namespace" in registry("grant", "list", "--repository", "team/app").out


def test_tags_are_listed_with_what_they_name(registry: Run) -> None:
    document = listed(registry("tag", "list", "team/app", "--json"))
    rows = registry("tag", "list", "team/app").out.splitlines()

    assert [tag["name"] for tag in document["tags"]] == ["1", "2", "latest"]
    assert {tag["media_type"] for tag in document["tags"]} == {OCI_INDEX}
    assert document["tags"][0]["size"] == len(index("team/app ['1']"))
    assert [row.split("\t")[0] for row in rows] == ["1", "2", "latest"]


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_tag_is_moved_and_its_past_is_kept(registry: Run, by: str) -> None:
    before = digests(registry)

    moved = listed(registry("tag", "move", "team/app", "latest", before["1"] if by == "digest" else "1", "--json"))
    history = listed(registry("tag", "history", "team/app", "latest", "--json"))["history"]

    assert moved == {"name": "team/app", "tag": "latest", "digest": before["1"]}
    assert digests(registry) == {**before, "latest": before["1"]}
    assert [entry["digest"] for entry in history] == [before["1"], before["2"]]
    assert [entry["actor"] for entry in history] == ["operator", "anonymous"]
    assert history[0]["valid_until"] is None
    assert history[1]["valid_until"] == history[0]["valid_from"]


def test_moving_a_tag_that_does_not_exist_makes_it(registry: Run) -> None:
    ended = registry("tag", "move", "team/app", "stable", "2")

    assert (ended.code, ended.out) == (0, f"team/app:stable names {digests(registry)['2']}\n")


def test_the_history_can_be_cut_and_outlives_its_tag(registry: Run) -> None:
    registry("tag", "move", "team/app", "latest", "1")
    registry("tag", "rm", "team/app", "latest")

    (row,) = registry("tag", "history", "team/app", "latest", "--limit", "1").out.splitlines()

    digest, _, until, actor, ended_by = row.split("\t")
    assert digest == digests(registry)["1"]
    assert until != "-"
    assert (actor, ended_by) == ("operator", "operator")


def test_removing_tags_leaves_other_tags_of_their_manifests(registry: Run) -> None:
    before = digests(registry)

    removed = listed(registry("tag", "rm", "team/app", "2", "1", "--json"))

    assert removed == {"name": "team/app", "removed": ["2", "1"]}
    assert digests(registry) == {"latest": before["latest"]}


def test_removing_tags_ends_at_the_first_that_is_unknown_and_says_what_is_gone(registry: Run) -> None:
    ended = registry("tag", "rm", "team/app", "1", "nine", "2", "--json")

    assert ended.code == 1
    assert json.loads(ended.out)["removed"] == ["1"]
    assert len(ended.err.splitlines()) == 1
    assert sorted(digests(registry)) == ["2", "latest"]


def test_a_repository_is_removed_when_that_is_meant(registry: Run) -> None:
    refused = registry("repository", "rm", "team/app")
    assert refused.code == 2

    removed = listed(registry("repository", "rm", "team/app", "--yes", "--json"))

    assert removed == {"removed": "team/app"}
    assert [found["name"] for found in listed(registry("repository", "list", "--json"))["repositories"]] == ["team/web"]


def test_a_tag_is_restored_to_what_it_named_before(registry: Run) -> None:
    before = digests(registry)
    registry("tag", "move", "team/app", "latest", "1")
    registry("tag", "rm", "team/app", "latest")

    last = registry("tag", "restore", "team/app", "latest")
    first = registry("tag", "restore", "team/app", "latest", "--steps", "2")
    by_digest = registry("tag", "restore", "team/app", "latest", "--digest", before["1"], "--json")

    assert last.out == f"team/app:latest names {before['1']}\n"
    assert first.out == f"team/app:latest names {before['2']}\n"
    assert listed(by_digest) == {"name": "team/app", "tag": "latest", "digest": before["1"]}
    assert registry("tag", "restore", "team/app", "latest", "--digest", UNKNOWN).code == 1
    assert registry("tag", "restore", "team/app", "latest", "--digest", UNKNOWN, "--steps", "1").code == 2


def test_protected_tags_are_kept_until_their_protection_is_taken_back(registry: Run) -> None:
    before = digests(registry)
    assert registry("tag", "protect", "team/app", "l*").out == "team/app:l* is protected\n"

    [protection] = listed(registry("tag", "protections", "team/app", "--json"))["protections"]
    assert (protection["pattern"], protection["created_by"]) == ("l*", "operator")
    assert registry("tag", "protections", "team/app").out.startswith("l*\t")
    for arguments in (["tag", "move", "team/app", "latest", "1"], ["tag", "rm", "team/app", "latest"]):
        refused = registry(*arguments)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err == "registry: protected in team/app, neither to be moved nor removed: latest\n"
    assert digests(registry) == before

    assert listed(registry("tag", "unprotect", "team/app", "l*", "--json"))["unprotected"] == "l*"
    assert registry("tag", "rm", "team/app", "latest").code == 0


def test_a_repository_with_protected_tags_is_removed_when_that_is_meant(registry: Run) -> None:
    registry("tag", "protect", "team/app", "1")

    refused = registry("repository", "rm", "team/app", "--yes")
    removed = registry("repository", "rm", "team/app", "--yes", "--protected-too")

    assert refused.code == 1
    assert "--protected-too" in refused.err
    assert (removed.code, removed.out) == (0, "team/app is removed\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["repository", "show", "team/none"],
        ["repository", "rm", "team/none", "--yes"],
        ["repository", "describe", "team/none", "--text", "a"],
        ["repository", "visibility", "team/none", "public"],
        ["tag", "list", "team/none"],
        ["tag", "move", "team/none", "1", "2"],
        ["tag", "move", "team/app", "latest", "nine"],
        ["tag", "move", "team/app", "latest", UNKNOWN],
        ["tag", "rm", "team/app", "nine"],
        ["tag", "history", "team/app", "nine"],
        ["tag", "protect", "team/none", "nine"],
        ["tag", "unprotect", "team/app", "nine"],
        ["tag", "protections", "team/none"],
    ],
)
def test_what_is_not_there_is_told_in_one_line_and_code_1(registry: Run, arguments: list[str]) -> None:
    ended = registry(*arguments)

    assert ended.code == 1
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("registry: ")
    assert "team/none" in line or "team/app" in line


def test_a_folder_without_a_registry_is_left_as_it_was(run: Run, tmp_path: Path) -> None:
    ended = run("repository", "list", "--data", "elsewhere")

    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
