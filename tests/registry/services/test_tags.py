"""Tags: listed, moved, and remembered."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.auth.subject import OPERATOR
from registry.errors import ManifestUnknown, RepositoryUnknown, TagNotRestorable, TagProtected
from registry.services import deletion, protections, pull, tags
from registry.services.context import Services
from registry.services.tag_pattern import TagPattern
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob

ACCESS = access_to("team/app")
LATEST = Tag.parse("latest")


async def three_images(services: Services) -> list[Digest]:
    pusher = Pusher.to(services, "team/app")
    return [Digest.parse((await pusher.image(layers=[bytes([number])]))["digest"]) for number in range(3)]


async def tag_events(services: Services) -> list[str]:
    events = await services.database.read(lambda tx: tx.outbox.pending(1000))
    return [event.payload["digest"] for event in events if event.kind == "tag.moved"]


async def test_a_tag_names_what_it_was_last_pointed_at(services: Services) -> None:
    one, two, _ = await three_images(services)

    await tags.point(services, ACCESS, LATEST, one)
    await tags.point(services, ACCESS, LATEST, two)

    assert (await pull.manifest(services, ACCESS, LATEST)).digest == two
    assert await tag_events(services) == [str(one), str(two)]


@ON_SQLITE
async def test_pointing_a_tag_at_what_it_names_already_changes_nothing(services: Services) -> None:
    one, _, _ = await three_images(services)
    await tags.point(services, ACCESS, LATEST, one)
    before = await tags.history(services, ACCESS, LATEST, 10)

    await tags.point(services, ACCESS, LATEST, one)

    assert await tags.history(services, ACCESS, LATEST, 10) == before
    assert await tag_events(services) == [str(one)]


@ON_SQLITE
async def test_a_tag_cannot_name_what_the_repository_does_not_hold(services: Services) -> None:
    [one, _, _] = await three_images(services)
    blob = await push_blob(services, ACCESS, b"no manifest")
    elsewhere = access_to("team/other")

    for access, digest in ((ACCESS, Digest.of(b"nothing")), (ACCESS, blob), (elsewhere, one)):
        with pytest.raises(ManifestUnknown):
            await tags.point(services, access, LATEST, digest)

    assert await tag_events(services) == []


@ON_SQLITE
async def test_the_history_tells_what_a_tag_named_and_who_moved_it_newest_first(services: Services) -> None:
    one, two, _ = await three_images(services)
    await tags.point(services, ACCESS, LATEST, one)
    await tags.point(services, access_to("team/app", OPERATOR), LATEST, two)
    await deletion.tag(services, ACCESS, LATEST)
    await tags.point(services, ACCESS, LATEST, one)

    history = await tags.history(services, ACCESS, LATEST, 10)

    assert [(row.digest, row.actor, row.ended_by) for row in history] == [
        (one, "anonymous", None),
        (two, "operator", "anonymous"),
        (one, "anonymous", "operator"),
    ]
    assert history[0].valid_until is None
    for newer, older in pairwise(history):
        assert older.valid_until is not None
        assert older.valid_from <= older.valid_until <= newer.valid_from
    assert await tags.history(services, ACCESS, LATEST, 2) == history[:2]


@ON_SQLITE
async def test_a_tag_that_is_gone_still_has_a_history_and_one_that_never_was_has_none(services: Services) -> None:
    one, _, _ = await three_images(services)
    await tags.point(services, ACCESS, LATEST, one)
    await deletion.manifest(services, ACCESS, one)

    assert [row.digest for row in await tags.history(services, ACCESS, LATEST, 10)] == [one]
    with pytest.raises(ManifestUnknown):
        await tags.history(services, ACCESS, Tag.parse("never"), 10)
    with pytest.raises(RepositoryUnknown):
        await tags.history(services, access_to("team/unknown"), LATEST, 10)


async def test_a_tag_that_many_move_at_once_has_one_history_without_gaps(open_worker: OpenWorker) -> None:
    workers = [await open_worker(), await open_worker()]
    images = await three_images(workers[0])

    await asyncio.gather(
        *(tags.point(workers[turn % 2], ACCESS, LATEST, images[turn % 3]) for turn in range(18)),
    )

    history = await tags.history(workers[0], ACCESS, LATEST, 100)
    assert [row.valid_until is None for row in history] == [True] + [False] * (len(history) - 1)
    for newer, older in pairwise(history):
        assert older.valid_until == newer.valid_from
        assert older.digest != newer.digest
    assert await tag_events(workers[0]) == [str(row.digest) for row in reversed(history)]


async def test_tags_come_in_byte_order_a_page_at_a_time(services: Services) -> None:
    names = ["1", "10", "2", "A", "Z", "_", "a", "a-b", "a.b", "b"]
    await Pusher.to(services, "team/app").image(*reversed(names))

    assert (await tags.page(services, ACCESS, None, None)).names == names
    seen: list[str] = []
    more = True
    while more:
        page = await tags.page(services, ACCESS, 3, Tag.parse(seen[-1]) if seen else None)
        assert len(page.names) == min(3, len(names) - len(seen))
        seen, more = seen + page.names, page.more
    assert seen == names


@ON_SQLITE
async def test_a_page_begins_after_a_tag_that_need_not_exist(services: Services) -> None:
    await Pusher.to(services, "team/app").image("a", "c", "e")

    for last, expected in (("b", ["c", "e"]), ("c", ["e"]), ("z", []), ("A", ["a", "c", "e"])):
        assert (await tags.page(services, ACCESS, None, Tag.parse(last))).names == expected


@ON_SQLITE
async def test_pages_have_bounds(open_worker: OpenWorker) -> None:
    services = await open_worker(page_entries=2)
    await Pusher.to(services, "team/app").image("a", "b", "c")

    for limit, names, more in ((0, [], False), (1, ["a"], True), (None, ["a", "b"], True), (10**18, ["a", "b"], True)):
        page = await tags.page(services, ACCESS, limit, None)
        assert (page.names, page.more) == (names, more)
    last = await tags.page(services, ACCESS, 2, Tag.parse("a"))
    assert (last.names, last.more) == (["b", "c"], False)


@ON_SQLITE
async def test_a_repository_without_tags_has_none_and_one_that_is_not_there_is_unknown(services: Services) -> None:
    await push_blob(services, ACCESS, b"blob")

    assert (await tags.page(services, ACCESS, None, None)).names == []
    with pytest.raises(RepositoryUnknown):
        await tags.page(services, access_to("team/unknown"), None, None)


async def test_a_tag_is_restored_by_steps_or_to_a_digest_that_it_named(services: Services) -> None:
    one, two, three = await three_images(services)
    for digest in (one, two, three):
        await tags.point(services, ACCESS, LATEST, digest)

    assert await tags.restore(services, ACCESS, LATEST, 1) == two
    assert await tags.restore(services, ACCESS, LATEST, 1) == three
    assert await tags.restore(services, ACCESS, LATEST, one) == one

    assert (await pull.manifest(services, ACCESS, LATEST)).digest == one
    assert await tag_events(services) == [str(digest) for digest in (one, two, three, two, three, one)]


async def test_a_tag_that_is_gone_is_restored_to_what_it_named_last(services: Services) -> None:
    one, two, _ = await three_images(services)
    for digest in (one, two):
        await tags.point(services, ACCESS, LATEST, digest)
    await deletion.tag(services, ACCESS, LATEST)

    assert await tags.restore(services, ACCESS, LATEST, 1) == two


@ON_SQLITE
async def test_what_a_tag_never_named_or_is_gone_cannot_be_restored(services: Services) -> None:
    one, two, three = await three_images(services)
    for digest in (one, two):
        await tags.point(services, ACCESS, LATEST, digest)
    await deletion.manifest(services, ACCESS, one)

    for target in (1, 2, one, three):
        with pytest.raises(TagNotRestorable):
            await tags.restore(services, ACCESS, LATEST, target)
    with pytest.raises(TagNotRestorable):
        await tags.restore(services, ACCESS, Tag.parse("never"), 1)
    with pytest.raises(RepositoryUnknown):
        await tags.restore(services, access_to("team/unknown"), LATEST, 1)
    assert (await pull.manifest(services, ACCESS, LATEST)).digest == two


@ON_SQLITE
async def test_a_protected_tag_is_restored_only_when_it_is_gone(services: Services) -> None:
    one, two, _ = await three_images(services)
    for digest in (one, two):
        await tags.point(services, ACCESS, LATEST, digest)
    await protections.protect(services, ACCESS, TagPattern.parse("latest"))

    with pytest.raises(TagProtected):
        await tags.restore(services, ACCESS, LATEST, 1)
    await protections.unprotect(services, ACCESS, TagPattern.parse("latest"))
    await deletion.tag(services, ACCESS, LATEST)
    await protections.protect(services, ACCESS, TagPattern.parse("latest"))

    assert await tags.restore(services, ACCESS, LATEST, 1) == two
