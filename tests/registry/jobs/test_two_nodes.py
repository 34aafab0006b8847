"""Two nodes that do the same periodic work at the same time, as they may when a lease was lost: harmless."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.reference import Tag
from registry.jobs import (
    audit_retention,
    credential_expiry,
    event_retention,
    garbage_collection,
    index_objects,
    upload_expiry,
)
from registry.services import deletion, pull, uploads
from registry.services.context import Services
from tests.registry.assembly import OpenWorker, access_to
from tests.registry.metadata.raw_sql import execute
from tests.registry.pushing import Pusher
from tests.registry.uploading import push_blob, stored_blobs, stored_bytes, upload_files

pytestmark = [
    pytest.mark.tool("postgres"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]

APP = "team/app"
ACCESS = access_to(APP)
_IMAGES = 12
_JOBS = (garbage_collection, upload_expiry, index_objects, event_retention, audit_retention, credential_expiry)


async def test_both_collect_expire_reap_trim_and_write_behind_while_clients_push(
    open_worker: OpenWorker, database_url: str, storage_root: Path
) -> None:
    settings: dict[str, Any] = {"gc_grace_s": 0, "event_retention_s": 0, "audit_retention_s": 1}
    first, second, client = [await open_worker(**settings) for _ in range(3)]
    for number in range(_IMAGES):
        await Pusher.to(client, APP).image(f"old{number}", layers=[b"kept by all", f"old {number}".encode()])
        await push_blob(client, ACCESS, f"never named {number}".encode())
        await uploads.start(client, ACCESS, "sha256")
        await deletion.tag(client, ACCESS, Tag.parse(f"old{number}"))
    # All of that has rested for long.
    await execute(
        database_url,
        "UPDATE link SET lease_until = 0, created_at = 0",
        "UPDATE manifest SET pushed_at = 0",
        "UPDATE manifest_lease SET lease_until = 0",
        "UPDATE tag SET valid_from = 0, valid_until = 0 WHERE valid_until IS NOT NULL",
        "UPDATE upload SET expires_at = 0",
    )
    pushed = asyncio.Event()

    async def push() -> None:
        for number in range(_IMAGES):
            await Pusher.to(client, APP).image(f"new{number}", layers=[b"kept by all", f"new {number}".encode()])
        pushed.set()

    async def work(node: Services) -> None:
        is_over = False
        while not is_over:
            is_over = pushed.is_set()
            for job in _JOBS:
                await job.run(node)

    await asyncio.gather(push(), work(first), work(second))

    contents = [path.read_bytes() for path in stored_blobs(storage_root)]
    layers = {b"kept by all", *(f"new {number}".encode() for number in range(_IMAGES))}
    assert layers <= set(contents)
    assert not [content for content in contents if content.startswith((b"old", b"never"))]
    assert upload_files(storage_root) == []
    assert await client.database.read(lambda tx: tx.uploads.count()) == 0
    for content in layers:
        found = await pull.blob(client, ACCESS, Digest.of(content))
        assert await stored_bytes(client, found.key) == content
