import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from oci_spec.image_name import ImageName
from runner.store import finding, index
from runner.store.errors import ImageAmbiguous, ImageUnknown, IndexInvalid
from runner.store.folders import Store
from runner.store.index import Image, Index

A = ImageName.parse("app:1")
B = ImageName.parse("other.example/app:1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def image(text: str, *names: ImageName) -> Image:
    digest = Digest.of(text.encode())
    tags = tuple(name for name in names if name.digest is None)
    digests = tuple(name for name in names if name.digest is not None)
    return Image(digest, digest, (digest,), 7, "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", tags, digests)


def with_id(digits: str, *names: ImageName) -> Image:
    return image("x", *names)._replace(id=Digest.parse("sha256:" + digits.ljust(64, "0")))


def test_what_was_changed_is_read_by_others(store: Store) -> None:
    named = image("one", A, B, A.with_digest(Digest.of(b"x")))

    with index.changing(store) as images:
        images.put(named)

    assert index.read(Store(store.root)).images() == (named,)
    assert index.read(store).named(A) == named
    assert index.read(store).named(A.with_digest(Digest.of(b"x"))) == named


def test_a_name_means_one_image(store: Store) -> None:
    images = Index([image("one", A), image("two", B)])

    before = images.tag(Digest.of(b"two"), A)

    assert before is not None
    assert before.id == Digest.of(b"one")
    assert images.get(Digest.of(b"one")) == image("one")
    assert images.get(Digest.of(b"two")) == image("two", B, A)
    assert images.tag(Digest.of(b"two"), A) is None
    with pytest.raises(ImageUnknown):
        images.tag(Digest.of(b"three"), A)


def test_an_image_that_comes_again_keeps_its_names(store: Store) -> None:
    images = Index([image("one", A)])

    images.put(image("one", B)._replace(manifest=Digest.of(b"new"), added="later"))

    assert images.images() == (image("one", A, B)._replace(manifest=Digest.of(b"new")),)


def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    def fail() -> None:
        with index.changing(store) as images:
            images.put(image("one"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert index.read(store).images() == ()


def test_changes_of_many_at_once_are_all_there(store: Store) -> None:
    def add(number: int) -> None:
        with index.changing(Store(store.root)) as images:
            images.put(image(str(number)))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))

    assert len(index.read(store).images()) == 40


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"version": 2, "images": []}',
        '{"version": 1, "images": [{"id": "x"}]}',
        '{"version": 1, "images": 7}',
    ],
)
def test_a_file_of_somebody_else_is_left_alone(store: Store, content: str) -> None:
    path = Path(store.path("index.json"))
    path.write_text(content)

    with pytest.raises(IndexInvalid), index.changing(store) as images:
        images.put(image("one"))

    assert path.read_text() == content


def test_the_file_is_json_for_people(store: Store) -> None:
    with index.changing(store) as images:
        images.put(image("one", A))

    document = json.loads(Path(store.path("index.json")).read_text())
    assert document["images"][0]["tags"] == ["docker.io/library/app:1"]


def test_names_come_before_ids_and_ids_may_be_shortened() -> None:
    by_name, by_id = with_id("1", ImageName.parse("abc:latest")), with_id("abc")
    images = Index([by_name, by_id, with_id("abd")])

    assert finding.find(images, "abc") == by_name
    assert finding.find(images, "docker.io/library/abc:latest") == by_name
    assert finding.find(images, "abc0") == by_id
    assert finding.find(images, "sha256:abc") == by_id
    assert finding.find(images, str(by_id.id)) == by_id
    assert finding.find(images, by_id.id.encoded) == by_id
    with pytest.raises(ImageAmbiguous):
        finding.find(images, "ab")


@pytest.mark.parametrize("text", ["", "nothing", "sha256:", "Name", "f" * 64, "app:2", "zz"])
def test_what_nothing_is_called_is_unknown(text: str) -> None:
    with pytest.raises(ImageUnknown):
        finding.find(Index([image("one", A)]), text)


def test_a_digest_counts_where_a_name_has_a_tag_as_well() -> None:
    digest = Digest.of(b"x")
    images = Index([image("one", A.with_digest(digest)), image("two", A)])

    assert finding.find(images, f"app:1@{digest}").id == Digest.of(b"one")
    assert finding.name_of(images, f"app:1@{digest}") == A.with_digest(digest)
    assert finding.name_of(images, str(Digest.of(b"two"))) is None


def test_a_name_without_a_registry_means_the_only_image_of_another_one() -> None:
    images = Index([image("one", B), image("two", ImageName.parse("b.example/x:1"), ImageName.parse("c.example/x:1"))])

    assert finding.find(images, "app:1").id == Digest.of(b"one")
    assert finding.name_of(images, "app:1") == B
    with pytest.raises(ImageUnknown):
        finding.find(images, "x:1")
