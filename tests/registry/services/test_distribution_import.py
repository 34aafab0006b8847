"""Taking over a distribution registry: what comes, what stays behind, and that it can be repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec.digest import Digest
from oci_spec.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    DOCKER_MANIFEST_LIST,
    OCI_EMPTY,
    OCI_MANIFEST,
)
from oci_spec.reference import Reference, Tag
from registry.auth.subject import OPERATOR
from registry.errors import BlobUnknown, ManifestUnknown
from registry.services import distribution_import, protections, pull, referrers
from registry.services import tags as tag_services
from registry.services.context import Services
from registry.services.distribution_import import Imported, Kind, NotTaken
from registry.services.progress import Progress
from registry.services.tag_pattern import TagPattern
from storage_backends.distribution.data import DistributionData
from storage_backends.distribution.folder import open_folder
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.uploading import stored_bytes
from tests.storage_backends.distribution.folders import DistributionFolder

pytestmark = ON_SQLITE

ABSENT = f"sha256:{'0' * 64}"


@pytest.fixture
def source(tmp_path: Path) -> DistributionFolder:
    return DistributionFolder(tmp_path / "source")


async def imported(services: Services, source: DistributionFolder) -> tuple[Imported, list[NotTaken]]:
    left: list[NotTaken] = []
    async with open_folder(source.root) as tree:
        data = DistributionData(tree)
        return await distribution_import.import_all(services, OPERATOR, data, told=left.append), left


async def digest_of(services: Services, repository: str, tag: str) -> str:
    return str((await pull.manifest(services, access_to(repository), Tag.parse(tag))).digest)


async def holds(services: Services, repository: str, descriptor: dict[str, Any]) -> bool:
    reference: Reference = Digest.parse(descriptor["digest"])
    try:
        await pull.manifest(services, access_to(repository), reference)
    except ManifestUnknown:
        return False
    return True


async def test_repositories_come_with_tags_manifests_and_blobs(services: Services, source: DistributionFolder) -> None:
    first = source.image("team/app", "1", "latest", layers=[b"shared", b"one"])
    other = source.image("app", "1", layers=[b"shared"])
    untagged = source.image("app", layers=[b"untagged"])

    report, left = await imported(services, source)

    assert left == []
    assert await digest_of(services, "team/app", "latest") == first["digest"]
    assert await digest_of(services, "app", "1") == other["digest"]
    assert await holds(services, "app", untagged)
    blob = await pull.blob(services, access_to("app"), Digest.of(b"shared"))
    assert await stored_bytes(services, blob.key) == b"shared"
    with pytest.raises(BlobUnknown):
        await pull.blob(services, access_to("app"), Digest.of(b"one"))
    size = len(b"{}" + b"shared" + b"one" + b"untagged")
    assert report == Imported(
        repositories=2, manifests=3, tags=3, untagged=1, copied=report.copied, copied_size=report.copied_size
    )
    assert report.copied_size >= size


async def test_indexes_come_after_what_they_list_however_deep(services: Services, source: DistributionFolder) -> None:
    images = [source.image("app", layers=[bytes([number])]) for number in range(4)]
    nested = images[0]
    for number in range(12):
        nested = source.index("app", manifests=[nested, images[number % 4]], annotations={"n": f"{number}"})
    source.tag("app", "deep", Digest.parse(nested["digest"]))

    report, left = await imported(services, source)

    assert left == []
    assert (report.manifests, report.tags, report.untagged) == (16, 1, 0)
    assert await digest_of(services, "app", "deep") == nested["digest"]


async def test_docker_images_and_lists_keep_their_bytes_and_kinds(
    services: Services, source: DistributionFolder
) -> None:
    image = source.manifest(
        "app",
        {
            "mediaType": DOCKER_MANIFEST,
            "config": source.blob(b"{}", DOCKER_CONFIG),
            "layers": [
                source.blob(b"layer", DOCKER_LAYER_GZIP),
                {
                    "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                    "digest": ABSENT,
                    "size": 5,
                    "urls": ["https://example.org/layer"],
                },
            ],
        },
    )
    listed = source.manifest("app", {"mediaType": DOCKER_MANIFEST_LIST, "manifests": [image]}, "many")

    _, left = await imported(services, source)

    found = await pull.manifest(services, access_to("app"), Tag.parse("many"))
    assert left == []
    assert (found.media_type, str(found.digest)) == (DOCKER_MANIFEST_LIST, listed["digest"])
    assert found.content == source.path(found.digest).read_bytes()


async def test_referrers_artifacts_sha512_and_manifests_without_a_type_come(
    services: Services, source: DistributionFolder
) -> None:
    subject = source.image("app", "1")
    empty = source.blob(b"{}", OCI_EMPTY)
    signature = source.manifest("app", {"mediaType": OCI_MANIFEST, "config": empty, "subject": subject})
    plain = source.manifest("app", {"config": empty, "layers": []}, "plain")
    long = source.manifest("app", {"mediaType": OCI_MANIFEST, "config": empty}, "long", algorithm="sha512")

    report, left = await imported(services, source)

    assert left == []
    assert report.untagged == 0
    assert await digest_of(services, "app", "plain") == plain["digest"]
    assert await digest_of(services, "app", "long") == long["digest"]
    page = await referrers.page(services, access_to("app"), Digest.parse(subject["digest"]))
    assert [entry["digest"] for entry in json.loads(page.content)["manifests"]] == [signature["digest"]]


async def test_what_cannot_be_taken_is_named_and_the_rest_comes(services: Services, source: DistributionFolder) -> None:
    good = source.image("app", "good")
    old = source.manifest("app", {"schemaVersion": 1, "name": "app", "tag": "old", "fsLayers": []}, "old")
    holed = source.image("app", "holed", layers=[b"lost", b"there"])
    source.path(Digest.of(b"lost")).unlink()
    rotten = source.image("app", "rotten", layers=[b"rotten"])
    source.path(Digest.of(b"rotten")).write_bytes(b"rotted")
    torn = source.image("app", "torn", layers=[b"torn"])
    source.path(Digest.parse(torn["digest"])).write_bytes(b"{}")
    empty = source.image("app", "empty", layers=[b"empty"])
    source.path(Digest.parse(empty["digest"])).unlink()
    listing = source.index("app", "listing", manifests=[good, holed])
    source.tag("app", "dangling", Digest.parse(ABSENT))
    source.tag("app", "nothing", Digest.parse(good["digest"]))
    source.link("app", "tags", "nothing", "current").write_text("nothing")
    source.image("No Name", "1")

    report, left = await imported(services, source)

    reasons = {(each.kind, each.repository, each.name): each.reason for each in left}
    manifests = {key[2]: reason for key, reason in reasons.items() if key[0] is Kind.MANIFEST}
    assert manifests.keys() == {each["digest"] for each in (old, holed, rotten, torn, empty, listing)}
    assert "schema 1" in manifests[old["digest"]]
    assert manifests[holed["digest"]] == f"it names what is not there: {Digest.of(b'lost')}"
    assert f"digest {Digest.of(b'rotted')}" in manifests[rotten["digest"]]
    assert "has the digest" in manifests[torn["digest"]]
    assert "not there" in manifests[empty["digest"]]
    assert manifests[listing["digest"]] == f"it names what is not there: {holed['digest']}"
    tags = {key[2]: reason for key, reason in reasons.items() if key[0] is Kind.TAG}
    assert tags.keys() == {"old", "holed", "rotten", "torn", "empty", "listing", "dangling", "nothing"}
    assert tags["holed"] == f"its manifest {holed['digest']} was not taken"
    assert tags["dangling"] == f"its manifest {ABSENT} is not in the repository"
    assert tags["nothing"] == "its link holds no digest"
    assert (Kind.REPOSITORY, "No Name", "") in reasons
    assert (report.repositories, report.manifests, report.tags, report.not_taken) == (1, 1, 1, len(left))
    assert await digest_of(services, "app", "good") == good["digest"]
    with pytest.raises(BlobUnknown):
        await pull.blob(services, access_to("app"), Digest.of(b"there"))


async def test_indexes_with_holes_come_where_those_are_allowed(
    open_worker: OpenWorker, source: DistributionFolder
) -> None:
    services = await open_worker(sparse_manifests=True)
    image = source.image("app")
    index = source.index("app", "1", manifests=[image, {**image, "digest": ABSENT}])

    _, left = await imported(services, source)

    assert left == []
    assert await digest_of(services, "app", "1") == index["digest"]


async def test_a_second_import_takes_what_has_come_since(services: Services, source: DistributionFolder) -> None:
    source.image("app", "1", layers=[b"first"])
    await imported(services, source)
    second = source.image("app", "2", "1", layers=[b"first", b"second"])
    source.image("other", "1", layers=[b"first"])

    report, left = await imported(services, source)

    assert left == []
    assert (report.manifests, report.tags) == (3, 3)
    assert (report.copied, report.copied_size) == (1, len(b"second"))
    assert await digest_of(services, "app", "1") == second["digest"]


class Ended(Exception):
    """What breaks an import off."""


async def test_an_import_that_ended_half_way_goes_on(services: Services, source: DistributionFolder) -> None:
    for number in range(6):
        source.image("app", f"{number}", layers=[f"layer {number}".encode()])

    def break_off(progress: Progress) -> None:
        if progress.total is not None and progress.done == 3:
            raise Ended

    async with open_folder(source.root) as tree:
        with pytest.raises(Ended):
            await distribution_import.import_all(
                services, OPERATOR, DistributionData(tree), told=lambda _: None, progress=break_off
            )
    report, left = await imported(services, source)

    assert left == []
    assert (report.manifests, report.tags, report.copied) == (6, 6, 3)


async def test_a_protected_tag_stays_where_it_is(services: Services, source: DistributionFolder) -> None:
    first = source.image("app", "1")
    await imported(services, source)
    await protections.protect(services, access_to("app"), TagPattern.parse("1"))
    source.image("app", "1", layers=[b"another"])

    _, left = await imported(services, source)

    assert [(each.kind, each.name) for each in left] == [(Kind.TAG, "1")]
    assert await digest_of(services, "app", "1") == first["digest"]
    history = await tag_services.history(services, access_to("app"), Tag.parse("1"), 5)
    assert [row.actor for row in history] == ["operator"]
