"""Repositories found by their names and descriptions, the best first, on both databases."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry import limits
from registry.metadata import visible_repositories
from registry.metadata.database import Database
from registry.metadata.repository_values import FoundPage, Search
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.metadata.visible import EVERYTHING, Visible
from tests.registry.metadata.examples import NOW
from tests.registry.metadata.raw_sql import execute

DESCRIBED = {
    "web": "",
    "web/app": "",
    "web/tool": "",
    "team/web": "",
    "team/my-web-app": "",
    "team/spiderweb": "",
    "webs/tool": "",
    "a-web/tool": "",
    "team/pages": "# The Web pages\n\nWith ÄPFEL, 100% of them.",
    "team/other": "Nothing of that.",
    "team/late": "x" * 600 + " web",
}


def fill(tx: Transaction) -> None:
    for name, text in DESCRIBED.items():
        made = tx.repositories.ensure(RepositoryName.parse(name), NOW, may_make_namespace=True)
        if text:
            tx.repositories.describe(made.id, text)


def search(tx: Transaction, text: str, visible: Visible = EVERYTHING, limit: int = 100) -> FoundPage:
    return tx.repositories.find_by_text(Search(text, tuple(text.split()), limit), visible)


def names(page: FoundPage) -> list[str]:
    return [str(found.name) for found in page.repositories]


@pytest.fixture(params=["few", "many"], autouse=True)
def visible_are(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look either at all that are visible or at all that the words may be in: what is found is the same."""
    if request.param == "many":
        monkeypatch.setattr(visible_repositories, "FEW", 0)


@pytest.mark.parametrize("visible", [EVERYTHING, Visible(public=True)], ids=["all", "public"])
async def test_the_best_come_first(database: Database, visible: Visible) -> None:
    def unit(tx: Transaction) -> None:
        fill(tx)
        for name in DESCRIBED:
            made = tx.repositories.ensure(RepositoryName.parse(name), NOW, may_make_namespace=True)
            tx.repositories.set_visibility(made.id, Visibility.PUBLIC)

        found = search(tx, "web", visible)

        assert names(found) == [
            "web",
            *("web/app", "web/tool", "webs/tool"),
            *("team/my-web-app", "team/spiderweb", "team/web"),
            "a-web/tool",
            "team/pages",
        ]
        assert (found.after, found.complete) == (None, True)

    await database.write(unit)


SOUGHT = {
    "web app": ["team/my-web-app", "web/app"],
    "app web": ["team/my-web-app", "web/app"],
    "äpfel": ["team/pages"],
    "100%": ["team/pages"],
    "eb-ap": ["team/my-web-app"],
    "m/w": ["team/web"],
    "we": ["web", "web/app", "web/tool", "webs/tool", "team/my-web-app", "team/web", "a-web/tool", "team/pages"],
    "ap": ["team/my-web-app", "web/app"],
    "eb": [],
    "web nothing": [],
    "w_b": [],
    "%": [],
    "--": [],
    "'": [],
}


@pytest.mark.parametrize("text", SOUGHT)
async def test_all_words_are_looked_for_and_mean_themselves(database: Database, text: str) -> None:
    def unit(tx: Transaction) -> None:
        fill(tx)

        assert names(search(tx, text)) == SOUGHT[text]
        assert names(search(tx, text, Visible(everything=True, within=("team/*",)))) == [
            name for name in SOUGHT[text] if name.startswith("team/")
        ]
        assert names(search(tx, text, Visible(public=True))) == []

    await database.write(unit)


async def test_pages_join_to_the_whole(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        fill(tx)
        whole = names(search(tx, "web"))
        for limit in range(1, len(whole) + 1):
            page = search(tx, "web", limit=limit)
            found = names(page)
            while page.after is not None:
                assert len(page.repositories) == limit
                page = tx.repositories.find_by_text(Search("web", ("web",), limit, page.after), EVERYTHING)
                found += names(page)

            assert found == whole

    await database.write(unit)


async def test_what_is_said_no_more_is_not_found_any_more(database: Database, database_url: str) -> None:
    def unit(tx: Transaction) -> None:
        fill(tx)
        pages = tx.repositories.find(RepositoryName.parse("team/pages"))
        assert pages is not None

        tx.repositories.describe(pages.id, "Leaves of team pages")

        assert names(search(tx, "äpfel")) == []
        assert names(search(tx, "leaves")) == names(search(tx, "pages")) == ["team/pages"]
        for name in DESCRIBED:
            found = tx.repositories.find(RepositoryName.parse(name))
            assert found is not None
            tx.repositories.delete(found.id)
        assert names(search(tx, "web")) == []

    await database.write(unit)

    assert await execute(database_url, "SELECT * FROM search_gram") == []


async def test_a_search_that_looks_at_some_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOOKED_AT_REPOSITORIES", 4)

    def unit(tx: Transaction) -> None:
        fill(tx)

        found, rare = search(tx, "web"), search(tx, "spiderweb")

        # What begins with the text is looked at for itself.
        assert names(found)[:2] == ["web", "web/app"]
        assert not found.complete
        assert len(found.repositories) < 9
        assert (names(rare), rare.complete) == (["team/spiderweb"], True)

    await database.write(unit)
