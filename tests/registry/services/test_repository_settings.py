"""What is said of repositories, who may pull from them, and what the audit log tells of both."""

from __future__ import annotations

import pytest

from registry import limits
from registry.auth.pattern import RepositoryPattern
from registry.auth.subject import ANONYMOUS
from registry.errors import RepositoryUnknown
from registry.metadata.audit_values import AuditSearch
from registry.metadata.rows import RepositorySearch, Visibility
from registry.services import audit, inspection, repository_settings
from registry.services.context import Services
from registry.services.description import Description
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher

ACCESS = access_to("team/app")
LONG = Description.parse("# An app\n" + "ä" * (limits.DESCRIPTION_OPENING_CHARACTERS + 1))


async def fill(services: Services, *names: str) -> None:
    for name in names:
        await Pusher.to(services, name).index("1", manifests=[])


async def test_a_description_is_shown_whole_and_begun_in_lists(services: Services) -> None:
    await fill(services, "team/app", "team/web")
    before = (await inspection.repository(services, ACCESS)).summary

    await repository_settings.describe(services, ACCESS, LONG)

    shown = await inspection.repository(services, ACCESS)
    page = await inspection.repositories(services, ANONYMOUS, RepositorySearch(limit=9))
    assert shown.description == LONG.text
    assert shown.summary.updated_at == before.updated_at
    assert [found.opening for found in page.repositories] == [LONG.text[: limits.DESCRIPTION_OPENING_CHARACTERS], ""]


async def test_a_repository_is_private_until_it_is_made_public(services: Services) -> None:
    await fill(services, "team/app")
    assert (await inspection.repository(services, ACCESS)).summary.visibility is Visibility.PRIVATE

    for visibility in (Visibility.PUBLIC, Visibility.PRIVATE):
        await repository_settings.set_visibility(services, ACCESS, visibility)
        assert (await inspection.repository(services, ACCESS)).summary.visibility is visibility


async def test_the_audit_log_tells_of_changes_and_of_nothing_else(services: Services) -> None:
    await fill(services, "team/app")
    for _ in range(2):
        await repository_settings.describe(services, ACCESS, LONG)
        await repository_settings.set_visibility(services, ACCESS, Visibility.PUBLIC)

    rows = await audit.page(services, AuditSearch(target="team/app"), None, 3)

    entries = [(row.entry.action, row.entry.actor, row.entry.detail) for row in rows]
    assert entries[:2] == [
        ("visibility.changed", "anonymous", '{"visibility":"public"}'),
        ("repository.described", "anonymous", "{}"),
    ]
    assert entries[2][0] not in {"visibility.changed", "repository.described"}


async def test_what_does_not_exist_is_neither_described_nor_published(services: Services) -> None:
    with pytest.raises(RepositoryUnknown):
        await repository_settings.describe(services, ACCESS, LONG)
    with pytest.raises(RepositoryUnknown):
        await repository_settings.set_visibility(services, ACCESS, Visibility.PUBLIC)


@ON_SQLITE
@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("team/*", ["team/app", "team/web"]),
        ("*", ["other/app", "team/app", "team/web"]),
        ("team/w*", ["team/web"]),
        ("team/none", ["team/none"]),
        ("none/*", []),
    ],
)
async def test_a_pattern_means_the_repositories_that_fit(
    services: Services, monkeypatch: pytest.MonkeyPatch, pattern: str, names: list[str]
) -> None:
    monkeypatch.setattr(repository_settings, "_BATCH", 2)
    await fill(services, "team/web", "team/app", "other/app")

    found = await repository_settings.matching(services, RepositoryPattern.parse(pattern))

    assert [str(name) for name in found] == names
