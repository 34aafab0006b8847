"""Archives of images as no program would write them."""

import io
import json
from pathlib import Path

import pytest

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from runner.errors import RunnerError
from runner.images.archives import ImageArchive
from runner.images.describing import describe
from runner.images.errors import ArchiveInvalid, ImageError
from runner.images.importing import Import, import_archive
from runner.images.loading import load
from runner.images.progress import Nobody
from runner.store import index, layers
from runner.store.folders import Store
from tests.runner.images.making import COMPRESSIONS, descriptor, make
from tests.runner.layers.archives import END, directory, file, symlink

HERE = Platform("linux", "amd64")
LAYER = directory(b"a") + file(b"a/b", b"content") + END
MADE = make(LAYER)


def blob(content: bytes) -> bytes:
    return file(b"blobs/sha256/" + str(descriptor("", content)["digest"]).removeprefix("sha256:").encode(), content)


def layout(*entries: dict[str, object]) -> bytes:
    document = {"schemaVersion": 2, "manifests": list(entries)}
    return file(b"oci-layout", b'{"imageLayoutVersion": "1.0.0"}') + file(b"index.json", json.dumps(document).encode())


def listing(*entries: dict[str, object]) -> bytes:
    return file(b"manifest.json", json.dumps(entries).encode())


MANIFEST = descriptor(MADE.media_type, MADE.manifest)
WHOLE = blob(MADE.manifest) + blob(MADE.config) + blob(MADE.layers[0])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


async def test_an_archive_of_old_docker_is_loaded_with_its_links(store: Store) -> None:
    config = make(LAYER, LAYER).config
    archive = (
        listing({"Config": "c.json", "RepoTags": ["app:1", "other:2"], "Layers": ["one/layer.tar", "two/layer.tar"]})
        + file(b"./c.json", config)
        + file(b"one/layer.tar", LAYER)
        + symlink(b"two/layer.tar", b"../one/layer.tar")
        + END
    )

    [(image, names)] = await load(store, io.BytesIO(archive), Nobody())

    assert [name.familiar() for name in names] == ["app:1", "other:2"]
    assert all(layers.has(store, chain_id) for chain_id in image.layers)
    assert index.read(store).named(names[1]) == image


async def test_an_image_layout_keeps_its_manifest(store: Store) -> None:
    named = {**MANIFEST, "annotations": {"io.containerd.image.name": "docker.io/library/app:1"}}

    [(image, names)] = await load(store, io.BytesIO(layout(named) + WHOLE + END), Nobody())

    assert (image.manifest, image.id) == (MADE.digest, MADE.id)
    assert [name.familiar() for name in names] == ["app:1"]


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"nonsense" * 1000,
        END,
        file(b"other") + END,
        listing({"Config": "missing.json", "Layers": []}) + END,
        listing({"Config": "../../etc/passwd", "Layers": []}) + END,
        file(b"manifest.json", b"[7]") + END,
        file(b"manifest.json", b"{") + END,
        file(b"manifest.json", b"[" * 100_000) + END,
        listing({"Config": "c", "Layers": ["l"]}) + file(b"c", b"{}") + symlink(b"l", b"l") + END,
        listing({"Config": "c", "Layers": ["l"]}) + symlink(b"c", b"/etc/passwd") + END,
        layout(MANIFEST) + blob(MADE.manifest) + blob(MADE.config) + END,
        layout(MANIFEST) + WHOLE.replace(b'"linux"', b'"linuX"') + END,
        layout({**MANIFEST, "mediaType": "x"}) + blob(b"{}") + END,
        listing({"Config": "c", "RepoTags": ["UPPER"], "Layers": []}) + file(b"c", MADE.config) + END,
        listing({"Config": "c", "Layers": ["l"]}) + file(b"c", MADE.config) + file(b"l", b"other layer" * 99) + END,
    ],
)
async def test_what_is_no_archive_of_images_is_refused(store: Store, archive: bytes) -> None:
    with pytest.raises(RunnerError):
        await load(store, io.BytesIO(archive), Nobody())

    assert index.read(store).images() == ()


def test_an_archive_is_not_left_by_its_links() -> None:
    archive = ImageArchive(io.BytesIO(file(b"etc/passwd", b"ours") + symlink(b"a/l", b"../../../etc/passwd") + END))

    assert archive.section("a/l").read() == b"ours"
    with pytest.raises(ArchiveInvalid):
        archive.images(HERE)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
async def test_a_root_file_system_becomes_an_image(store: Store, compression: str) -> None:
    wanted = Import(Platform("linux", "arm", "v7"), "from a test", ['CMD ["/bin/sh"]', "ENV A=1"])
    archive = COMPRESSIONS[compression](LAYER)

    image = await import_archive(store, io.BytesIO(archive), wanted, Nobody())

    document = describe(store, image)
    assert (document["Os"], document["Architecture"], document["Variant"]) == ("linux", "arm", "v7")
    assert document["Config"]["Cmd"] == ["/bin/sh"]
    assert document["Comment"] == "from a test"
    assert document["RootFS"]["Layers"] == [str(Digest.of(LAYER))]
    assert Path(layers.diff(store, image.layers[0]), "a/b").read_bytes() == b"content"


async def test_what_cannot_be_imported_leaves_no_image(store: Store) -> None:
    for content, changes in ((b"no archive" * 100, []), (LAYER, ["RUN x"])):
        with pytest.raises(ImageError):
            await import_archive(store, io.BytesIO(content), Import(HERE, "", changes), Nobody())

    assert index.read(store).images() == ()
