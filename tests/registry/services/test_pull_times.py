"""Pull times: gathered in the process, written together."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry import limits
from registry.metadata.transaction import Transaction
from registry.services import deletion, pull
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")


async def times(services: Services, *tags: str) -> list[datetime | None]:
    """When the manifest that the first tag names was pulled, and when each tag was."""

    def find(tx: Transaction) -> list[datetime | None]:
        repository = tx.repositories.find(ACCESS.repository)
        assert repository is not None
        rows = [tx.tags.current(repository.id, Tag.parse(name)) for name in tags]
        assert rows[0] is not None
        manifest = tx.manifests.find(repository.id, rows[0].digest)
        assert manifest is not None
        return [manifest.pulled_at, *(row.pulled_at if row else None for row in rows)]

    return await services.database.read(find)


async def test_a_pull_by_tag_is_one_of_the_manifest_and_of_that_tag(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1", "2")
    moment = now()

    pull.note(services, await pull.manifest(services, ACCESS, Tag.parse("1")))
    assert await times(services, "1", "2") == [None, None, None]
    await services.pulls.flush(services.database)

    by_manifest, by_tag, by_other = await times(services, "1", "2")
    assert by_manifest is not None
    assert by_manifest == by_tag
    assert moment <= by_manifest <= now()
    assert by_other is None


async def test_a_pull_by_digest_is_one_of_no_tag(services: Services) -> None:
    image = await Pusher.to(services, "team/app").image("1")

    pull.note(services, await pull.manifest(services, ACCESS, Digest.parse(image["digest"])))
    await services.pulls.flush(services.database)

    by_manifest, by_tag = await times(services, "1")
    assert by_manifest is not None
    assert by_tag is None


async def test_what_was_deleted_since_its_pull_is_passed_over(services: Services) -> None:
    image = await Pusher.to(services, "team/app").image("1")
    pull.note(services, await pull.manifest(services, ACCESS, Tag.parse("1")))
    await deletion.manifest(services, ACCESS, Digest.parse(image["digest"]))

    await services.pulls.flush(services.database)


async def test_times_are_written_once(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    pull.note(services, await pull.manifest(services, ACCESS, Tag.parse("1")))
    await services.pulls.flush(services.database)
    before = await times(services, "1")

    await services.pulls.flush(services.database)

    assert await times(services, "1") == before


async def test_what_one_process_gathers_is_bounded(services: Services) -> None:
    await Pusher.to(services, "team/app").image("1")
    found = await pull.manifest(services, ACCESS, Tag.parse("1"))
    for number in range(limits.PENDING_PULLS):
        pull.note(services, replace(found, manifest_id=1000 + number, tag_id=None))

    pull.note(services, found)
    await services.pulls.flush(services.database)
    assert await times(services, "1") == [None, None]

    pull.note(services, found)
    await services.pulls.flush(services.database)
    assert None not in await times(services, "1")
