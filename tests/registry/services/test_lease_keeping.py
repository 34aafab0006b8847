"""Leases are kept for as long as the work takes that builds on them, and no longer."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta

import pytest

from oci_spec.digest import Digest
from registry import limits
from registry.services import lease_keeping, pull
from registry.services.context import Services, now
from tests.registry.assembly import ON_SQLITE, access_to
from tests.registry.pushing import Pusher
from tests.registry.services.layouts import Layout, import_from
from tests.registry.uploading import push_blob, spend_lease
from tests.storage_backends.layouts.archives import archive

APP, OTHER = access_to("team/app"), access_to("team/other")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeping, "_PAUSE_S", 0.01)


async def leased_until(services: Services, digest: Digest) -> datetime:
    found = await services.database.lookups.linked_blob(APP.repository, digest)
    assert found is not None
    return found.lease_until


async def renewed(services: Services, digest: Digest, since: datetime) -> None:
    while await leased_until(services, digest) < since + timedelta(seconds=limits.LEASE_S):
        await push_blob(services, OTHER, b"something else, until the lease is a new one")


async def test_what_was_leased_since_the_work_began_stays_leased(services: Services) -> None:
    over = await push_blob(services, APP, b"over")
    await spend_lease(services, APP, over, left_s=-1)
    image = await Pusher(services, APP).image()
    async with lease_keeping.kept(services, APP):
        # Given just now by another one's work, with half of it gone by.
        for name, left_s in (("new", 1800), ("short", 1)):
            await spend_lease(services, APP, await push_blob(services, APP, name.encode()), left_s=left_s)
        moment = now()
        for name in ("new", "short"):
            await asyncio.wait_for(renewed(services, Digest.of(name.encode()), moment), 100)
        manifest = await pull.manifest(services, APP, Digest.parse(image["digest"]))

    assert manifest.lease_until is not None
    assert manifest.lease_until >= moment + timedelta(seconds=limits.LEASE_S) / 2
    assert await leased_until(services, over) < moment


async def test_nothing_is_renewed_when_the_work_is_done(services: Services) -> None:
    async with lease_keeping.kept(services, APP):
        pass
    digest = await push_blob(services, APP, b"content")
    before = await leased_until(services, digest)

    await push_blob(services, APP, b"other")

    assert await leased_until(services, digest) == before


@ON_SQLITE
async def test_an_import_keeps_what_it_has_brought_while_it_waits_for_more(services: Services) -> None:
    layout = Layout()
    layout.image("1", layers=[b"first"])
    content = archive(layout.all_files())
    digest, half = Digest.of(b"first"), content.index(b"index.json")
    reader, writer = os.pipe()
    importing = asyncio.create_task(import_from(services, APP, reader))
    try:
        await asyncio.to_thread(os.write, writer, content[:half])
        while await services.database.lookups.linked_blob(APP.repository, digest) is None:
            await push_blob(services, OTHER, b"something else, until the blob is there")
        await spend_lease(services, APP, digest, left_s=1)
        await asyncio.wait_for(renewed(services, digest, now()), 100)
        await asyncio.to_thread(os.write, writer, content[half:])
    finally:
        os.close(writer)
        imported = await importing
        os.close(reader)

    assert len(imported.tags) == 1
