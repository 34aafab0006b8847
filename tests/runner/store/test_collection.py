import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from oci_spec.chain_id import chain_ids
from oci_spec.digest import Digest
from runner.store import blobs, index, layers, staging
from runner.store.collection import collect
from runner.store.errors import BlobDamaged, BlobMissing
from runner.store.folders import Store
from runner.store.index import Image
from runner.store.leases import leased, leasing
from tests.runner.images.making import make
from tests.runner.layers.archives import END, file


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def put(store: Store, *texts: bytes, known: bool = True) -> Image:
    """An image whose layers hold one file each."""
    made = make(*(file(text) + END for text in texts))
    chain = chain_ids(Digest.parse(each) for each in json.loads(made.config)["rootfs"]["diff_ids"])
    for content in (made.manifest, made.config, *made.layers):
        blobs.keep(store, content)
    for chain_id, text in zip(chain, texts, strict=True):
        if not layers.has(store, chain_id):
            staged = staging.claim(store, chain_id)
            assert staged is not None
            staged.clear()
            Path(store.unpacking(chain_id), "diff", text.decode()).write_bytes(bytes(10))
            staged.commit(Digest.of(text), 10)
            staged.close()
    image = Image(made.id, made.digest, chain, 10 * len(texts), "", "2026-01-01T00:00:00+00:00")
    if known:
        with index.changing(store) as images:
            images.put(image)
    return image


def test_only_what_no_image_needs_is_removed(store: Store) -> None:
    kept = put(store, b"shared", b"own")
    gone = put(store, b"shared", b"other", known=False)

    collected = collect(store)

    assert collected.layers == (gone.layers[1],)
    assert collected.size > 10
    assert all(layers.has(store, chain_id) for chain_id in kept.layers)
    assert blobs.has(store, kept.manifest)
    assert not blobs.has(store, gone.manifest)
    assert collect(store).size == 0


def test_what_somebody_is_about_to_use_stays_as_long_as_that_takes(store: Store) -> None:
    image = put(store, b"layer", known=False)

    with leasing(store) as lease:
        lease.add(blobs=[image.manifest])
        lease.add(layers=image.layers)
        during = collect(store)
    after = collect(store)

    assert image.layers[0] not in during.layers
    assert after.layers == image.layers
    assert not os.listdir(store.path("leases"))  # noqa: PTH208 - the store's paths are texts


def test_the_lease_of_a_process_that_was_killed_holds_nothing(store: Store) -> None:
    image = put(store, b"layer", known=False)
    program = (
        "import os, sys\n"
        "from oci_spec.digest import Digest\n"
        "from runner.store.folders import Store\n"
        "from runner.store.leases import leasing\n"
        "with leasing(Store(sys.argv[1])) as lease:\n"
        "    lease.add(layers=[Digest.parse(sys.argv[2])])\n"
        "    os.kill(os.getpid(), 9)\n"
    )

    killed = subprocess.run([sys.executable, "-c", program, store.root, str(image.layers[0])], check=False)

    assert killed.returncode == -9
    assert list(Path(store.path("leases")).iterdir())
    assert collect(store).layers == image.layers
    assert leased(store) == (set(), set())
    assert not list(Path(store.path("leases")).iterdir())


def test_unfinished_work_is_kept_for_those_who_go_on_with_it(store: Store) -> None:
    digest, chain_id, held = Digest.of(b"1"), Digest.of(b"2"), Digest.of(b"3")
    for each in (digest, held):
        partial = blobs.claim(store, each)
        assert partial is not None
        partial.append(b"some")
        if each != held:
            partial.close()
    staged = staging.claim(store, chain_id)
    assert staged is not None
    staged.clear()
    staged.close()

    collect(store)
    before = [Path(store.partial(digest)).exists(), Path(store.unpacking(chain_id)).exists()]
    collect(store, unfinished=True)

    assert before == [True, True]
    assert [path.name for path in Path(store.path("partial")).iterdir()] == [f"sha256-{held.encoded}"]
    assert not list(Path(store.path("unpacking")).iterdir())
    assert not list(Path(store.path("trash")).iterdir())


def test_what_one_process_receives_another_waits_for(store: Store) -> None:
    digest = Digest.of(b"content")
    partial = blobs.claim(store, digest)
    assert partial is not None
    partial.append(b"cont")

    assert blobs.claim(store, digest) is None
    partial.close()
    again = blobs.claim(store, digest)

    assert again is not None
    assert again.size == 4
    again.append(b"ent")
    again.commit()
    assert blobs.claim(store, Digest.of(b"other")) is not None
    assert blobs.read(store, digest) == b"content"


def test_content_that_the_disk_has_lost_or_spoilt_is_told(store: Store) -> None:
    digest = blobs.keep(store, b"content")
    Path(store.blob(digest)).write_bytes(b"contenT")

    with pytest.raises(BlobDamaged):
        blobs.read(store, digest)
    with pytest.raises(BlobMissing):
        blobs.read(store, Digest.of(b"never there"))


def test_nobody_else_may_look_into_a_store(store: Store) -> None:
    assert Path(store.root).stat().st_mode & 0o077 == 0
