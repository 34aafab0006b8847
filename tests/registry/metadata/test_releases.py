"""What the nodes of two releases in a row can rely on: a release brings one revision of the schema at most."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from registry.metadata.migrate import scripts
from registry.metadata.revision import HEAD, successor

CHANGELOG = Path(__file__).parents[3] / "CHANGELOG.md"


def revisions(changelog: str, head: str) -> list[str]:
    """The schema's revision in each release, the oldest first, and in what is not released yet."""
    found = [head]
    for release in re.split(r"^## \[", changelog, flags=re.MULTILINE)[1:]:
        version, _, text = release.partition("]")
        if version != "Unreleased":
            told = re.search(r"^Schema revision: (\d{4})\.$", text, flags=re.MULTILINE)
            assert told is not None, f"release {version} does not tell its schema's revision"
            found.append(told[1])
    return found[::-1]


def test_a_release_brings_one_revision_at_most() -> None:
    for before, after in pairwise(revisions(CHANGELOG.read_text(), HEAD)):
        assert after in (before, successor(before))


def test_the_revisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(path.name[:4] for path in (scripts() / "versions").glob("*.py"))

    assert numbers[-1] == HEAD
    assert [successor(number) for number in numbers[:-1]] == numbers[1:]


def test_releases_are_read_from_the_changelog() -> None:
    text = "## [Unreleased]\n\n## [0.2.0]\n\nSchema revision: 0010.\n\n## [0.1.0]\n\nSchema revision: 0009.\n"

    assert revisions(text, "0011") == ["0009", "0010", "0011"]
    with pytest.raises(AssertionError, match=r"0\.1\.0"):
        revisions("## [0.1.0]\n", "0001")
