"""What the client does at every registry.

A registry's tests subclass `RegistryClientContract`, and give it the fixtures `client`, `proxy` (which breaks
connections to the same registry) and `shaky`, a client by way of it.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
)
from oci_spec.reference import RepositoryName, Tag
from registry_client.client import RegistryClient
from registry_client.errors import (
    BlobNotFound,
    DigestMismatch,
    ManifestNotFound,
    NotFound,
    Refused,
    SizeMismatch,
    SourceChanged,
    Unreachable,
)
from registry_client.repository import Repository
from registry_client.sources import BytesSource, FileSource
from registry_client.uploads import Outcome
from tests.patterns import pattern
from tests.registry_client.faults import Fault, Proxy

MIB = 1 << 20


async def content_of(repository: Repository, content: bytes, size: int | None = None) -> bytes:
    """What the blob gives that has the digest of `content`."""
    return b"".join([block async for block in repository.blob(Digest.of(content), size)])


async def pushed(repository: Repository, content: bytes) -> Digest:
    """`content`, pushed as a blob."""
    digest = Digest.of(content)
    await repository.push_blob(digest, BytesSource(content))
    return digest


def described(content: bytes, media_type: str) -> dict[str, Any]:
    """How a manifest refers to some content."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content)}


async def pushed_image(repository: Repository, tag: str, name: str = "image", **more: Any) -> tuple[Digest, bytes]:
    """An image of one layer that is called `name`, pushed under a tag: its digest and its manifest."""
    config, layer = json.dumps({"os": "linux", "architecture": "amd64", "name": name}).encode(), name.encode()
    for content in (config, layer):
        await pushed(repository, content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(config, OCI_CONFIG),
        "layers": [described(layer, OCI_LAYER)],
        **more,
    }
    content = json.dumps(manifest).encode()
    return await repository.push_manifest(Tag(tag), content, OCI_MANIFEST), content


class RegistryClientContract:
    """Everything that is asked of a registry in the course of a pull or a push."""

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> RepositoryName:
        """A repository that no other test uses."""
        return RepositoryName(f"client/{re.sub('[^a-z0-9]+', '-', request.node.name.lower()).strip('-')}")

    @pytest.fixture
    def repository(self, client: RegistryClient, name: RepositoryName) -> Repository:
        return client.repository(name)

    @pytest.fixture
    async def broken(self, shaky: RegistryClient, proxy: Proxy, name: RepositoryName) -> Repository:
        """The same repository, by way of the proxy, and past the first challenge."""
        await shaky.ping()
        proxy.heads.clear()
        return shaky.repository(name)

    async def test_the_registry_says_that_it_is_one(self, client: RegistryClient) -> None:
        await client.ping()

    @pytest.mark.parametrize("size", [0, 1, 1000, 3 * MIB + 1])
    async def test_a_blob_comes_back_as_it_was_pushed(self, repository: Repository, size: int) -> None:
        content = pattern(size)

        outcome = await repository.push_blob(Digest.of(content), BytesSource(content))

        assert outcome == Outcome.UPLOADED
        assert await content_of(repository, content) == content
        assert await content_of(repository, content, size) == content
        assert await repository.find_blob(Digest.of(content)) == size

    async def test_a_blob_that_is_there_is_not_sent_again(self, repository: Repository) -> None:
        digest = await pushed(repository, b"once")

        assert await repository.push_blob(digest, BytesSource(b"once")) == Outcome.PRESENT

    @pytest.mark.parametrize("size", [1, MIB, 2 * MIB + 5])
    async def test_a_blob_may_be_sent_in_chunks(self, repository: Repository, tmp_path: Path, size: int) -> None:
        content = pattern(size)
        (tmp_path / "blob").write_bytes(content)

        await repository.push_blob(Digest.of(content), FileSource(tmp_path / "blob"), chunk_bytes=MIB)

        assert await content_of(repository, content) == content

    async def test_a_blob_is_mounted_from_a_repository_that_has_it(
        self, client: RegistryClient, repository: Repository
    ) -> None:
        source = client.repository(RepositoryName(f"{repository.name}/source"))
        digest = await pushed(source, b"shared")

        outcome = await repository.push_blob(digest, BytesSource(b"shared"), mount_from=source.name)

        assert outcome == Outcome.MOUNTED
        assert await content_of(repository, b"shared") == b"shared"

    async def test_a_blob_that_cannot_be_mounted_is_uploaded(self, repository: Repository) -> None:
        nowhere = RepositoryName("client/nowhere")

        outcome = await repository.push_blob(Digest.of(b"own"), BytesSource(b"own"), mount_from=nowhere)

        assert outcome == Outcome.UPLOADED
        assert await content_of(repository, b"own") == b"own"

    async def test_bytes_of_another_digest_are_refused(self, repository: Repository) -> None:
        with pytest.raises(Refused) as refused:
            await repository.push_blob(Digest.of(b"right"), BytesSource(b"wrong"))

        assert refused.value.status == 400
        assert refused.value.code == "DIGEST_INVALID"
        assert await repository.find_blob(Digest.of(b"right")) is None

    async def test_a_source_that_is_shorter_than_it_was_is_no_blob(self, repository: Repository) -> None:
        class Shrunken(BytesSource):
            @property
            def size(self) -> int:
                return 10

        with pytest.raises(SourceChanged):
            await repository.push_blob(Digest.of(b"0123456789"), Shrunken(b"012345"))

    async def test_what_is_not_there_is_not_found(self, repository: Repository) -> None:
        await pushed_image(repository, "there")
        nothing = Digest.of(b"nothing")

        assert await repository.find_blob(nothing) is None
        with pytest.raises(BlobNotFound):
            await content_of(repository, b"nothing")
        for reference in (Tag("nothing"), nothing):
            with pytest.raises(ManifestNotFound):
                await repository.resolve(reference)
            with pytest.raises(ManifestNotFound):
                await repository.manifest(reference)

    async def test_an_image_is_had_by_its_tag_and_its_digest(self, repository: Repository) -> None:
        digest, content = await pushed_image(repository, "latest")

        for reference in (Tag("latest"), digest):
            fetched = await repository.manifest(reference)
            assert fetched.content == content
            assert fetched.descriptor == Descriptor(OCI_MANIFEST, Digest.of(content), len(content))
            assert await repository.resolve(reference) == fetched.descriptor

    async def test_a_docker_image_and_an_index_keep_their_types(self, repository: Repository) -> None:
        digest, child = await pushed_image(repository, "oci")
        for content in (b"{}", b"layer"):
            await pushed(repository, content)
        docker = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": described(b"{}", DOCKER_CONFIG),
            "layers": [described(b"layer", DOCKER_LAYER_GZIP)],
        }
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described(child, OCI_MANIFEST)]}

        await repository.push_manifest(Tag("docker"), json.dumps(docker).encode(), DOCKER_MANIFEST)
        await repository.push_manifest(Tag("index"), json.dumps(index).encode(), OCI_INDEX)

        assert (await repository.resolve(Tag("docker"))).media_type == DOCKER_MANIFEST
        assert (await repository.manifest(Tag("index"))).content == json.dumps(index).encode()
        assert (await repository.manifest(digest)).content == child

    async def test_a_manifest_without_its_blobs_is_refused(self, repository: Repository) -> None:
        config = described(b"missing", OCI_CONFIG)
        content = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}).encode()

        with pytest.raises(Refused) as refused:
            await repository.push_manifest(Tag("latest"), content, OCI_MANIFEST)

        assert refused.value.code == "MANIFEST_BLOB_UNKNOWN"

    async def test_tags_and_repositories_are_listed(self, client: RegistryClient, repository: Repository) -> None:
        for tag in ("b", "a", "c"):
            await pushed_image(repository, tag)

        assert sorted([str(tag) async for tag in repository.tags()]) == ["a", "b", "c"]
        assert repository.name in [name async for name in client.repositories()]

    async def test_tags_of_no_repository_are_not_found(self, repository: Repository) -> None:
        with pytest.raises(NotFound):
            [tag async for tag in repository.tags()]

    async def test_referrers_are_listed_whether_the_registry_lists_them_or_not(self, repository: Repository) -> None:
        subject, content = await pushed_image(repository, "subject")
        await pushed(repository, b"{}")
        about = described(content, OCI_MANIFEST)
        empty = described(b"{}", OCI_EMPTY)
        for kind in ("example/one", "example/two"):
            artifact = {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": kind,
                "config": empty,
                "layers": [empty],
                "subject": about,
                "annotations": {"kind": kind},
            }
            digest = Digest.of(json.dumps(artifact).encode())
            await repository.push_manifest(digest, json.dumps(artifact).encode(), OCI_MANIFEST)

        listed = [descriptor async for descriptor in repository.referrers(subject)]
        ones = [descriptor async for descriptor in repository.referrers(subject, "example/one")]

        assert sorted(str(descriptor.artifact_type) for descriptor in listed) == ["example/one", "example/two"]
        assert [descriptor.annotations for descriptor in ones] == [{"kind": "example/one"}]
        assert [found async for found in repository.referrers(Digest.of(b"nobody's"))] == []

    async def test_what_is_deleted_is_gone(self, repository: Repository) -> None:
        digest, _ = await pushed_image(repository, "latest")
        blob = await pushed(repository, b"unused")

        await repository.delete_manifest(digest)
        await repository.delete_blob(blob)

        assert await repository.find_blob(blob) is None
        with pytest.raises(NotFound):
            await repository.resolve(digest)
        with pytest.raises(NotFound):
            await repository.resolve(Tag("latest"))
        with pytest.raises(NotFound):
            await repository.delete_manifest(digest)

    async def test_many_blobs_are_pushed_and_read_at_once(self, repository: Repository) -> None:
        contents = [pattern(MIB + number) for number in range(8)]

        await asyncio.gather(*(pushed(repository, content) for content in contents))
        read = await asyncio.gather(*(content_of(repository, content) for content in contents * 2))

        assert read == contents * 2

    async def test_a_download_goes_on_where_it_broke_off(
        self, repository: Repository, broken: Repository, proxy: Proxy
    ) -> None:
        content = pattern(5 * MIB)
        await pushed(repository, content)
        proxy.faults += [Fault("GET", "/blobs/", cut_answer=cut) for cut in (2 * MIB, MIB + 1, 0)]

        assert await content_of(broken, content) == content

        starts = [int(value.removeprefix("bytes=").rstrip("-")) for value in proxy.fields("Range")]
        assert proxy.requests.count(f"GET /v2/{broken.name}/blobs/{Digest.of(content)}") == 4
        assert starts == sorted(starts)
        assert starts[0] > MIB

    @pytest.mark.parametrize("start", [1, 3 * MIB, 5 * MIB - 1])
    async def test_the_rest_of_a_blob_is_what_follows_its_beginning(
        self, repository: Repository, broken: Repository, proxy: Proxy, start: int
    ) -> None:
        content = pattern(5 * MIB)
        await pushed(repository, content)
        proxy.faults.append(Fault("GET", "/blobs/", cut_answer=MIB))

        rest = [block async for block in broken.rest_of_blob(Digest.of(content), start, len(content))]

        assert b"".join(rest) == content[start:]
        assert proxy.fields("Range")[0] == f"bytes={start}-"

    async def test_a_download_of_corrupt_bytes_is_found_out(
        self, repository: Repository, broken: Repository, proxy: Proxy
    ) -> None:
        content = pattern(2 * MIB)
        await pushed(repository, content)
        proxy.faults.append(Fault("GET", "/blobs/", spoil_answer=MIB))

        with pytest.raises(DigestMismatch):
            await content_of(broken, content)

    async def test_a_blob_of_another_size_is_not_read(self, repository: Repository) -> None:
        content = pattern(1000)
        await pushed(repository, content)

        with pytest.raises(SizeMismatch):
            await content_of(repository, content, 999)

    async def test_a_download_may_be_left(self, repository: Repository) -> None:
        content = pattern(4 * MIB)
        await pushed(repository, content)

        async with aclosing(repository.blob(Digest.of(content))) as blocks:
            first = await anext(blocks)

        assert content.startswith(first)
        assert await content_of(repository, content) == content

    @pytest.mark.parametrize("chunk_bytes", [None, 2 * MIB])
    async def test_an_upload_goes_on_after_breaks(
        self, repository: Repository, broken: Repository, proxy: Proxy, chunk_bytes: int | None
    ) -> None:
        content = pattern(6 * MIB)
        proxy.faults += [
            Fault("PUT", "/uploads/", cut_request=3 * MIB),
            Fault("PATCH", "/uploads/", cut_request=MIB),
            Fault("PATCH", "/uploads/", cut_request=0),
        ]

        outcome = await broken.push_blob(Digest.of(content), BytesSource(content), chunk_bytes=chunk_bytes)

        assert outcome == Outcome.UPLOADED
        assert await content_of(repository, content) == content

    async def test_an_upload_whose_last_answer_is_lost_is_there(
        self, repository: Repository, broken: Repository, proxy: Proxy
    ) -> None:
        content = pattern(1000)
        proxy.faults.append(Fault("PUT", "/uploads/", drop_answer=True))

        outcome = await broken.push_blob(Digest.of(content), BytesSource(content))

        assert outcome == Outcome.UPLOADED
        assert await content_of(repository, content) == content

    async def test_what_breaks_again_and_again_ends(
        self, repository: Repository, broken: Repository, proxy: Proxy
    ) -> None:
        content = pattern(2 * MIB)
        await pushed(repository, content)
        proxy.faults += [
            Fault("GET", "/blobs/", times=100, cut_answer=1000),
            Fault("PUT", "/uploads/", times=100, cut_request=1000),
            Fault("PATCH", "/uploads/", times=100, cut_request=1000),
        ]

        with pytest.raises(Unreachable):
            await content_of(broken, content)
        with pytest.raises(Unreachable):
            await broken.push_blob(Digest.of(content[1:]), BytesSource(content[1:]))

        assert len(proxy.heads) < 40
