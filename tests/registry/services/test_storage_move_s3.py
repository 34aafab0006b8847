"""Moving the storage from files to S3, being rebuilt from there, and moving back."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.jobs import index_objects as writing_behind
from registry.services import pull, rebuild, reconciliation, storage_move
from registry.services.rebuild import Loss
from storage_backends.s3.settings import S3Settings
from tests.registry.assembly import access_to, open_services
from tests.registry.pushing import Pusher
from tests.registry.services.everything import everything, fill, known_digests
from tests.registry.uploading import stored_bytes
from tests.s3 import S3Server

LARGE = bytes(range(256)) * 80_000


@pytest.fixture(
    params=[
        pytest.param("versitygw", marks=pytest.mark.tool("versitygw")),
        pytest.param("minio", marks=pytest.mark.tool("minio")),
    ]
)
def bucket(request: pytest.FixtureRequest) -> S3Settings:
    server: S3Server = request.getfixturevalue(request.param)
    return server.settings()


async def test_a_registry_moves_from_files_to_s3_and_back(
    bucket: S3Settings, tmp_path: Path, sqlite_url: str, migrated_sqlite_file: Path
) -> None:
    places: list[Path | S3Settings] = [tmp_path / "old files", bucket, tmp_path / "new files"]
    async with open_services(places[0], sqlite_url) as services:
        await fill(services, 6)
        await Pusher.to(services, "team/large").image("1", layers=[LARGE])
        await writing_behind.run(services)
        digests = await known_digests(services)
        before = await everything(services, digests)

    for number, (here, there) in enumerate(itertools.pairwise(places)):
        async with open_services(here, sqlite_url) as services, open_services(there, sqlite_url) as others:
            left: list[object] = []
            await storage_move.copy(services, others.store, told=left.append)
            await storage_move.switch(services, others.store, without_lost=False, told=left.append)
            assert left == []
        async with open_services(there, sqlite_url) as moved:
            assert await everything(moved, digests) == before
            assert [each async for each in reconciliation.damaged(moved)] == []
            assert [each async for each in reconciliation.strays(moved)] == []
            blob = await pull.blob(moved, access_to("team/large"), Digest.of(LARGE))
            assert Digest.of(await stored_bytes(moved, blob.key)) == blob.digest
        lost = tmp_path / f"lost {number}.db"
        shutil.copyfile(migrated_sqlite_file, lost)
        async with open_services(there, f"sqlite:///{lost}") as rebuilt:
            losses: list[Loss] = []
            await rebuild.rebuild(rebuilt, told=losses.append)
            after = await everything(rebuilt, digests)
        assert losses == []
        assert {name: (held.tags, held.manifests, held.referrers, held.blobs) for name, held in after.items()} == {
            name: (held.tags, held.manifests, held.referrers, held.blobs) for name, held in before.items()
        }
