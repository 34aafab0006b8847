"""What a pull asks for, and the leases that its answers hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import RepositoryName, Tag
from registry import limits
from registry.errors import BlobUnknown, ManifestUnknown
from registry.metadata.column_types import to_microseconds
from registry.metadata.rows import StoredManifest
from registry.services import deletion, pull
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob, spend_lease

pytestmark = ON_SQLITE

ACCESS = access_to("team/app")
OTHER = access_to("team/other")


async def test_a_manifest_is_given_by_tag_and_by_digest_as_it_was_pushed(services: Services) -> None:
    image = await Pusher.to(services, "team/app").image("1", "latest")
    digest = Digest.parse(image["digest"])

    by_tag = await pull.manifest(services, ACCESS, Tag.parse("latest"))
    by_digest = await pull.manifest(services, ACCESS, digest)

    assert by_tag.content == by_digest.content
    assert Digest.of(by_tag.content) == by_tag.digest == by_digest.digest == digest
    assert (by_tag.media_type, by_tag.size) == (image["mediaType"], image["size"])


@pytest.mark.parametrize("repository", ["team/app", "team/other", "team/unknown"])
async def test_what_a_repository_does_not_hold_is_unknown_there(services: Services, repository: str) -> None:
    image = await Pusher.to(services, "team/third").image("1")
    await push_blob(services, ACCESS, b"blob")
    await push_blob(services, OTHER, b"other")
    access = access_to(repository)

    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, access, Tag.parse("1"))
    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, access, Digest.parse(image["digest"]))
    with pytest.raises(BlobUnknown):
        await pull.blob(services, access, Digest.of(b"a layer"))


@pytest.fixture
def writes(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., Any]]:
    """The units of work that were written since."""
    seen: list[Callable[..., Any]] = []
    write: Callable[..., Awaitable[Any]] = services.database.write

    async def counted(unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        seen.append(unit)
        return await write(unit, *args, **kwargs)

    monkeypatch.setattr(services.database, "write", counted)
    return seen


async def test_a_lease_is_renewed_only_when_less_than_half_of_it_is_left(
    services: Services, writes: list[Callable[..., Any]]
) -> None:
    digest = await push_blob(services, ACCESS, b"blob")
    await spend_lease(services, ACCESS, digest, left_s=limits.LEASE_S / 2 + 60)
    writes.clear()

    for _ in range(3):
        await pull.blob(services, ACCESS, digest)
    assert len(writes) == 0

    await spend_lease(services, ACCESS, digest, left_s=limits.LEASE_S / 2 - 60)
    writes.clear()
    for _ in range(3):
        await pull.blob(services, ACCESS, digest)

    assert len(writes) == 1
    renewed = await pull.blob(services, ACCESS, digest)
    assert renewed.lease_until > now() + timedelta(seconds=limits.LEASE_S - 60)


async def test_a_blob_that_is_unlinked_while_its_lease_is_renewed_is_unknown(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await push_blob(services, ACCESS, b"blob")
    await spend_lease(services, ACCESS, digest, left_s=1)
    found = await services.database.lookups.linked_blob(ACCESS.repository, digest)
    assert found is not None
    write: Callable[..., Awaitable[Any]] = services.database.write

    async def after_the_collector(unit: Callable[..., Any], *args: Any) -> Any:
        await write(lambda tx: tx.blobs.unlink(found.repository_id, digest))
        return await write(unit, *args)

    monkeypatch.setattr(services.database, "write", after_the_collector)

    with pytest.raises(BlobUnknown):
        await pull.blob(services, ACCESS, digest)


async def test_a_manifest_asked_for_by_digest_is_leased_when_less_than_half_of_its_lease_is_left(
    services: Services, database_url: str, writes: list[Callable[..., Any]]
) -> None:
    image = await Pusher.to(services, "team/app").image("1")
    digest = Digest.parse(image["digest"])
    await spend_manifest_leases(database_url, left_s=limits.LEASE_S / 2 - 60)
    writes.clear()

    for _ in range(3):
        await pull.manifest(services, ACCESS, digest)

    assert len(writes) == 1
    found = await services.database.lookups.manifest_by_digest(ACCESS.repository, digest)
    assert found is not None
    assert found.lease_until is not None
    assert found.lease_until > now() + timedelta(seconds=limits.LEASE_S - 60)


async def test_a_manifest_without_a_lease_gets_one_and_one_asked_for_by_tag_needs_none(
    services: Services, database_url: str, writes: list[Callable[..., Any]]
) -> None:
    image = await Pusher.to(services, "team/app").image("1")
    await execute(database_url, "DELETE FROM manifest_lease")
    writes.clear()

    await pull.manifest(services, ACCESS, Tag.parse("1"))
    assert writes == []
    await pull.manifest(services, ACCESS, Digest.parse(image["digest"]))
    assert len(writes) == 1


async def test_a_manifest_that_is_removed_before_it_can_be_leased_is_unknown(
    services: Services, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await Pusher.to(services, "team/app").image()
    digest = Digest.parse(image["digest"])
    await spend_manifest_leases(database_url, left_s=0)
    look_up = services.database.lookups.manifest_by_digest

    async def removed_meanwhile(repository: RepositoryName, digest: Digest) -> StoredManifest | None:
        found = await look_up(repository, digest)
        await deletion.manifest(services, ACCESS, digest)
        return found

    monkeypatch.setattr(services.database.lookups, "manifest_by_digest", removed_meanwhile)

    with pytest.raises(ManifestUnknown):
        await pull.manifest(services, ACCESS, digest)


async def spend_manifest_leases(database_url: str, *, left_s: float) -> None:
    """Let every manifest's lease end in `left_s` seconds, as if it had been given out earlier."""
    until = to_microseconds(now() + timedelta(seconds=left_s))
    await execute(database_url, f"UPDATE manifest_lease SET lease_until = {until}")
