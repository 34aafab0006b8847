"""What pulling an image into a store promises, whichever registry gives it; a subclass gives the fixture `port`."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from registry_client.errors import Unreachable
from registry_client.repository import Repository
from runner.images.errors import (
    ImageContradictory,
    LayerNotUnpacked,
    LayerTypeUnsupported,
    NotAnImage,
    PlatformDiffers,
    PlatformMissing,
)
from runner.images.progress import Nobody
from runner.images.pulling import Pull, Pulled, pull
from runner.images.removal import remove
from runner.store import blobs, index, layers
from runner.store.folders import Store
from tests.registry_client.faults import Fault, Proxy, proxied
from tests.runner.images.making import Made, connect, endpoint_of, make, push_index
from tests.runner.layers.archives import END, directory, file, symlink

FIRST = directory(b"etc") + file(b"etc/a", b"one") + file(b"etc/b", b"two") + directory(b"old") + file(b"old/x") + END
SECOND = file(b"etc/.wh.a") + symlink(b"l", b"etc/b") + END
THIRD = directory(b"old") + file(b"old/.wh..wh..opq") + file(b"old/new", b"three") + END
LARGE = file(b"large", bytes(range(256)) * 40_000) + END


def names_in(store: Store, folder: str) -> set[str]:
    """What stands in a folder of the store."""
    return {path.name for path in Path(store.path(folder)).iterdir()}


class ImagePullContract:
    """The promises."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return Store(str(tmp_path / "store"))

    @pytest.fixture
    async def proxy(self, port: int) -> AsyncIterator[Proxy]:
        async with proxied(port) as proxy:
            yield proxy

    @pytest.fixture
    def name(self, proxy: Proxy, request: pytest.FixtureRequest) -> ImageName:
        repository = "".join(c if c.isalnum() else "-" for c in request.node.name.lower()).strip("-")
        while "--" in repository:
            repository = repository.replace("--", "-")
        return ImageName.parse(f"127.0.0.1:{proxy.port}/team/{repository[-60:].strip('-')}:1")

    @pytest.fixture
    async def repository(self, name: ImageName) -> AsyncIterator[Repository]:
        async with connect(endpoint_of(name)) as client:
            yield client.repository(name.repository)

    @pytest.mark.parametrize("family", ["oci", "docker"])
    async def test_layers_of_every_compression_become_directories_for_overlayfs(
        self, store: Store, repository: Repository, name: ImageName, family: str
    ) -> None:
        image = make(FIRST, SECOND, THIRD, compressions=("gzip", "zstd", "none"), family=family)
        await image.push(repository, "1")

        pulled = await _pull(store, name)

        assert pulled.is_new
        assert (pulled.digest, pulled.image.id) == (image.digest, image.id)
        assert pulled.image.tags == (name,)
        assert pulled.image.digests == (name.with_digest(image.digest),)
        first, second, third = (Path(layers.diff(store, chain_id)) for chain_id in pulled.image.layers)
        assert (first / "etc/a").read_bytes() == b"one"
        assert stat.S_ISCHR((second / "etc/a").lstat().st_mode)
        assert (second / "l").readlink() == Path("etc/b")
        opaque = "trusted.overlay.opaque" if os.geteuid() == 0 else "user.overlay.opaque"
        assert os.getxattr(third / "old", opaque) == b"y"
        assert blobs.read(store, image.digest) == image.manifest

    async def test_what_is_there_is_not_downloaded_again(
        self, store: Store, repository: Repository, name: ImageName, proxy: Proxy
    ) -> None:
        shared, other = make(FIRST, SECOND), make(FIRST, THIRD)
        await shared.push(repository, "1")
        await other.push(repository, "2")
        await _pull(store, name)
        del proxy.heads[:]

        again = await _pull(store, name)
        second = await _pull(store, ImageName.parse(str(name)[:-1] + "2"))

        assert not again.is_new
        assert second.image.layers[0] == again.image.layers[0]
        fetched = {Digest.parse(each.rpartition("/")[2]) for each in proxy.requests if "/blobs/" in each}
        assert fetched == {other.id, Digest.of(other.layers[1])}

    @pytest.mark.parametrize("family", ["oci", "docker"])
    async def test_of_an_index_the_image_for_the_platform_is_taken(
        self, store: Store, repository: Repository, name: ImageName, family: str
    ) -> None:
        images = {
            platform: make(file(b"is", platform.encode()) + END, family=family, platform=platform)
            for platform in ("linux/arm64", "linux/amd64", "linux/arm/v6")
        }
        top = await push_index(repository, "1", images)

        found = {
            "linux/amd64": await _pull(store, name, Platform("linux", "amd64")),
            "linux/arm/v6": await _pull(store, name, Platform("linux", "arm", "v7")),
            "linux/arm64": await _pull(store, name.with_digest(images["linux/arm64"].digest)),
        }
        with pytest.raises(PlatformMissing, match="linux/s390x"):
            await _pull(store, name, Platform("linux", "s390x"))

        assert {platform: each.image.id for platform, each in found.items()} == {
            platform: image.id for platform, image in images.items()
        }
        assert found["linux/amd64"].digest == top
        assert index.read(store).named(name.with_digest(top)) is not None

    async def test_the_only_image_must_fit_a_platform_that_was_asked_for(
        self, store: Store, repository: Repository, name: ImageName
    ) -> None:
        await make(FIRST, platform="linux/arm64").push(repository, "1")

        with pytest.raises(PlatformDiffers):
            await _pull(store, name, Platform("linux", "amd64"))
        assert index.read(store).images() == ()

        assert (await _pull(store, name)).is_new

    async def test_an_interrupted_pull_goes_on_where_it_stopped(
        self, store: Store, repository: Repository, name: ImageName, proxy: Proxy
    ) -> None:
        image = make(LARGE, compressions=("none",))
        await image.push(repository, "1")
        blob = f"/blobs/{Digest.of(image.layers[0])}"
        proxy.faults += [Fault("GET", blob, cut_answer=4_000_000), Fault("GET", blob, times=100, cut_answer=0)]
        with pytest.raises(Unreachable):
            await _pull(store, name)
        del proxy.faults[:], proxy.heads[:]
        came = Path(store.partial(Digest.of(image.layers[0]))).stat().st_size

        await _pull(store, name)

        assert came > 3_000_000
        assert proxy.fields("Range") == [f"bytes={came}-"]
        assert names_in(store, "partial") == names_in(store, "unpacking") == set()

    async def test_what_was_kept_of_an_interrupted_pull_and_spoilt_is_had_anew(
        self, store: Store, repository: Repository, name: ImageName
    ) -> None:
        image = make(LARGE)
        await image.push(repository, "1")
        Path(store.partial(Digest.of(image.layers[0]))).write_bytes(bytes(1000))

        pulled = await _pull(store, name)

        assert Path(layers.diff(store, pulled.image.layers[0]), "large").stat().st_size == 256 * 40_000

    async def test_two_pulls_of_one_image_at_once_download_it_once(
        self, store: Store, repository: Repository, name: ImageName, proxy: Proxy
    ) -> None:
        image = make(LARGE, FIRST, SECOND, compressions=("none", "gzip", "zstd"))
        await image.push(repository, "1")
        del proxy.heads[:]

        pulled = await asyncio.gather(*(_pull(Store(store.root), name) for _ in range(3)))

        assert {each.image.id for each in pulled} == {image.id}
        for layer in image.layers:
            assert len([each for each in proxy.requests if each.endswith(f"/blobs/{Digest.of(layer)}")]) == 1

    async def test_bytes_that_are_not_the_layers_leave_nothing_behind(
        self, store: Store, repository: Repository, name: ImageName, proxy: Proxy
    ) -> None:
        image = make(LARGE, compressions=("none",))
        await image.push(repository, "1")
        proxy.faults.append(Fault("GET", f"/blobs/{Digest.of(image.layers[0])}", spoil_answer=5_000_000))

        with pytest.raises(LayerNotUnpacked):
            await _pull(store, name)

        for folder in ("layers", "unpacking", "partial"):
            assert names_in(store, folder) == set()
        assert index.read(store).images() == ()
        assert (await _pull(store, name)).is_new

    @pytest.mark.parametrize(
        "image",
        [
            make(FIRST, rootfs={"type": "layers", "diff_ids": [str(Digest.of(b"other"))]}),
            make(FIRST, rootfs={"type": "layers", "diff_ids": []}),
            make(b"no archive" * 100),
            make(file(b"../escape") + END),
        ],
        ids=["another diff id", "no diff ids", "no archive", "an escape"],
    )
    async def test_an_image_that_is_not_what_it_says_is_refused(
        self, store: Store, repository: Repository, name: ImageName, image: Made
    ) -> None:
        await image.push(repository, "1")

        with pytest.raises((ImageContradictory, LayerNotUnpacked)):
            await _pull(store, name)

        assert index.read(store).images() == ()
        assert names_in(store, "layers") == set()

    async def test_what_is_no_image_is_told_by_its_kind(
        self, store: Store, repository: Repository, name: ImageName
    ) -> None:
        image = make(FIRST)
        chart = image.manifest.replace(b"vnd.oci.image.config.v1+json", b"vnd.cncf.helm.config.v1+json")
        strange = image.manifest.replace(b"layer.v1.tar+gzip", b"layer.v1.tar+gzip+encrypted")
        await image.push(repository, "1")
        await Made(image.media_type, chart, image.config, image.layers).push(repository, "chart")
        await Made(image.media_type, strange, image.config, image.layers).push(repository, "strange")

        with pytest.raises(NotAnImage, match=r"helm\.config"):
            await _pull(store, ImageName.parse(str(name)[:-1] + "chart"))
        with pytest.raises(LayerTypeUnsupported, match="encrypted"):
            await _pull(store, ImageName.parse(str(name)[:-1] + "strange"))

    async def test_what_no_image_needs_goes_with_the_last_name(
        self, store: Store, repository: Repository, name: ImageName
    ) -> None:
        one, two = make(FIRST, SECOND), make(FIRST, THIRD)
        await one.push(repository, "1")
        await two.push(repository, "2")
        second = ImageName.parse(str(name)[:-1] + "2")
        kept = (await _pull(store, name)).image
        await _pull(store, second)

        removed = remove(store, str(second))

        assert removed.images == (two.id,)
        assert names_in(store, "layers") == {each.encoded for each in kept.layers}
        assert names_in(store, "blobs/sha256") == {
            digest.encoded for digest in (one.digest, one.id, *map(Digest.of, one.layers))
        }
        remove(store, str(kept.id))
        assert names_in(store, "layers") == names_in(store, "trash") == set()


async def _pull(store: Store, name: ImageName, platform: Platform | None = None) -> Pulled:
    return await pull(Pull(store, connect, Nobody(), platform), name, [endpoint_of(name)])
