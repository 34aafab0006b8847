"""Protected tags: made once, and then neither moved nor removed by whatever way."""

from __future__ import annotations

import asyncio

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry import limits
from registry.errors import (
    ManifestUnknown,
    ProtectionsTooMany,
    ProtectionUnknown,
    RepositoryProtected,
    RepositoryUnknown,
    TagPatternInvalid,
    TagProtected,
)
from registry.metadata.audit_values import AuditSearch
from registry.services import audit, deletion, protections, pull, push, tags
from registry.services.context import Services
from registry.services.tag_pattern import TagPattern
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Pusher

ACCESS = access_to("team/app")
V1, V2, LATEST = map(Tag.parse, ("v1", "v2", "latest"))
VERSIONS = TagPattern.parse("v*")


async def image(services: Services, layer: bytes, *names: str) -> Digest:
    return Digest.parse((await Pusher.to(services, "team/app").image(*names, layers=[layer]))["digest"])


async def named(services: Services, tag: Tag) -> Digest:
    return (await pull.manifest(services, ACCESS, tag)).digest


async def tag_events(services: Services) -> list[tuple[str, str]]:
    events = await services.database.read(lambda tx: tx.outbox.pending(1000))
    return [(event.kind, event.payload["tag"]) for event in events if event.kind.startswith("tag.")]


async def test_a_protected_tag_is_made_once_and_moves_no_more(services: Services) -> None:
    one, two = await image(services, b"one"), await image(services, b"two")
    await protections.protect(services, ACCESS, VERSIONS)

    await tags.point(services, ACCESS, V1, one)
    await tags.point(services, ACCESS, V1, one)
    with pytest.raises(TagProtected) as refused:
        await tags.point(services, ACCESS, V1, two)

    assert refused.value.tags == (V1,)
    assert await named(services, V1) == one
    assert await tag_events(services) == [("tag.moved", "v1")]


async def test_a_push_over_a_protected_tag_stores_the_manifest_and_moves_the_tags_that_may(services: Services) -> None:
    one = await image(services, b"one", "v1", "latest")
    two = await image(services, b"two")
    content = (await pull.manifest(services, ACCESS, two)).content
    await deletion.manifest(services, ACCESS, two)
    await protections.protect(services, ACCESS, VERSIONS)

    with pytest.raises(TagProtected) as refused:
        await push.manifest(services, ACCESS, two, content, content_type=None, extra_tags=(V1, LATEST, V2))

    assert (refused.value.tags, refused.value.stored) == ((V1,), two)
    assert str(two) in refused.value.message
    assert (await pull.manifest(services, ACCESS, two)).content == content
    assert [await named(services, tag) for tag in (V1, LATEST, V2)] == [one, two, two]


async def test_pushing_again_what_a_protected_tag_names_is_no_change(services: Services) -> None:
    await image(services, b"one", "v1")
    await protections.protect(services, ACCESS, VERSIONS)

    await image(services, b"one", "v1")

    assert len(await tags.history(services, ACCESS, V1, 10)) == 1


async def test_neither_a_protected_tag_nor_its_manifest_is_deleted(services: Services) -> None:
    one = await image(services, b"one", "v1", "latest")
    await protections.protect(services, ACCESS, VERSIONS)
    before = await tag_events(services)

    with pytest.raises(TagProtected):
        await deletion.tag(services, ACCESS, V1)
    with pytest.raises(TagProtected) as refused:
        await deletion.manifest(services, ACCESS, one)
    with pytest.raises(ManifestUnknown):
        await deletion.tag(services, ACCESS, V2)

    assert refused.value.tags == (V1,)
    assert [await named(services, tag) for tag in (V1, LATEST)] == [one, one]
    assert await tag_events(services) == before
    await deletion.tag(services, ACCESS, LATEST)


async def test_what_is_unprotected_goes_as_before_unless_another_protection_fits(services: Services) -> None:
    await image(services, b"one", "v1", "v2")
    for pattern in (VERSIONS, TagPattern.parse("v1")):
        await protections.protect(services, ACCESS, pattern)

    await protections.unprotect(services, ACCESS, VERSIONS)

    assert [each.pattern for each in await protections.listing(services, ACCESS)] == ["v1"]
    await deletion.tag(services, ACCESS, V2)
    with pytest.raises(TagProtected):
        await deletion.tag(services, ACCESS, V1)
    with pytest.raises(ProtectionUnknown):
        await protections.unprotect(services, ACCESS, VERSIONS)


async def test_a_repository_goes_with_its_protected_tags_only_when_that_is_said(open_worker: OpenWorker) -> None:
    services = await open_worker()
    await image(services, b"one", "a", "b", "v1")
    await protections.protect(services, ACCESS, VERSIONS)

    with pytest.raises(RepositoryProtected) as refused:
        await deletion.repository(services, ACCESS)
    assert refused.value.tag == V1
    await deletion.repository_with_protected_tags(services, ACCESS)

    with pytest.raises(RepositoryUnknown):
        await protections.listing(services, ACCESS)
    await image(services, b"one", "v1")
    assert await protections.listing(services, ACCESS) == []


@ON_SQLITE
async def test_a_repository_whose_protections_no_tag_fits_is_removed(services: Services) -> None:
    await image(services, b"one", "latest")
    await protections.protect(services, ACCESS, VERSIONS)

    await deletion.repository(services, ACCESS)


async def test_protecting_again_keeps_what_is_there(services: Services) -> None:
    await image(services, b"one", "v1")
    await protections.protect(services, ACCESS, VERSIONS)
    before = await protections.listing(services, ACCESS)

    await protections.protect(services, ACCESS, VERSIONS)

    assert await protections.listing(services, ACCESS) == before
    assert [(each.pattern, each.created_by) for each in before] == [("v*", "anonymous")]


async def test_the_audit_log_tells_who_protected_and_unprotected_tags(services: Services) -> None:
    await image(services, b"one", "v1")
    for _ in range(2):
        await protections.protect(services, ACCESS, VERSIONS)
    await protections.unprotect(services, ACCESS, VERSIONS)

    rows = await audit.page(services, AuditSearch(target="team/app"), None, 2)

    entries = [(row.entry.action, row.entry.actor, row.entry.detail) for row in rows]
    assert entries == [(action, "anonymous", '{"pattern":"v*"}') for action in ("tags.unprotected", "tags.protected")]


@ON_SQLITE
async def test_a_repository_has_a_bounded_number_of_protections(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await image(services, b"one", "v1")
    monkeypatch.setattr(limits, "TAG_PROTECTIONS", 1)
    await protections.protect(services, ACCESS, VERSIONS)

    await protections.protect(services, ACCESS, VERSIONS)
    with pytest.raises(ProtectionsTooMany):
        await protections.protect(services, ACCESS, TagPattern.parse("w*"))


async def test_of_many_that_make_one_protected_tag_at_once_one_does(open_worker: OpenWorker) -> None:
    workers = [await open_worker(), await open_worker()]
    images = [await image(workers[0], bytes([number])) for number in range(4)]
    await protections.protect(workers[0], ACCESS, VERSIONS)

    results = await asyncio.gather(
        *(tags.point(workers[turn % 2], ACCESS, V1, images[turn]) for turn in range(4)), return_exceptions=True
    )

    assert sorted(type(result).__name__ for result in results) == ["NoneType", *["TagProtected"] * 3]
    assert len(await tags.history(workers[0], ACCESS, V1, 10)) == 1


async def test_once_a_tag_is_protected_no_move_that_was_under_way_ends(open_worker: OpenWorker) -> None:
    workers = [await open_worker(), await open_worker()]
    images = [await image(workers[0], bytes([number]), "v1") for number in range(12)]

    moves = [
        asyncio.create_task(tags.point(workers[turn % 2], ACCESS, V1, digest)) for turn, digest in enumerate(images)
    ]
    await protections.protect(workers[0], ACCESS, VERSIONS)
    settled = await named(workers[0], V1)
    await asyncio.gather(*moves, return_exceptions=True)

    assert await named(workers[0], V1) == settled


@pytest.mark.parametrize("text", ["", "-v", "a/b", "v 1", "v?", "a" * 129, "v1\n"])
def test_what_no_tag_could_fit_is_no_pattern(text: str) -> None:
    with pytest.raises(TagPatternInvalid):
        TagPattern.parse(text)


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [("v1", "v1", "v1.0"), ("v*", "v", "1.v"), ("*", "anything", ""), ("v*.*-rc", "v1.2-rc", "v1-rc")],
)
def test_a_star_stands_for_any_text(pattern: str, fitting: str, others: str) -> None:
    parsed = TagPattern.parse(pattern)

    assert str(parsed) == pattern
    assert parsed.fits(Tag.parse(fitting))
    assert not others or not parsed.fits(Tag.parse(others))
