"""Lists of repositories and tags: what they show, to whom, and in which order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from oci_spec.reference import Tag
from registry import limits
from registry.auth.permission import Permission
from registry.auth.subject import ANONYMOUS
from registry.errors import RepositoryUnknown
from registry.metadata.rows import Direction, Position, RepositorySearch, RepositorySort, TagSearch, TagSort
from registry.services import deletion, inspection
from registry.services.context import Services
from tests.registry.assembly import ON_SQLITE, OpenWorker, Rules, access_to
from tests.registry.pushing import AMD64, ARM64, UNKNOWN, Pusher
from tests.registry.uploading import stored_blobs

ACCESS = access_to("team/app")
LINUX_AMD64 = Platform("linux", "amd64")
LINUX_ARM64 = Platform("linux", "arm64", "v8")


async def platforms(services: Services, repository: str = "team/app") -> dict[str, tuple[Platform, ...]]:
    """The platforms of all tags, by name."""
    page = await inspection.tags(services, access_to(repository), TagSearch(limit=100))
    return {str(listed.detail.name): listed.platforms for listed in page.tags}


async def fill(services: Services, *names: str) -> None:
    """Make these repositories exist."""
    for name in names:
        await Pusher.to(services, name).index("1", manifests=[])


async def test_pages_of_repositories_join_to_the_whole_in_any_order(services: Services) -> None:
    await fill(services, "team/c", "team/a", "library/b", "a")
    await Pusher.to(services, "team/a").index("2", manifests=[])

    for sort, names in {
        RepositorySort.NAME: ["a", "library/b", "team/a", "team/c"],
        RepositorySort.CREATED: ["team/c", "team/a", "library/b", "a"],
        RepositorySort.UPDATED: ["team/c", "library/b", "a", "team/a"],
    }.items():
        for direction, expected in {Direction.ASCENDING: names, Direction.DESCENDING: names[::-1]}.items():
            assert await repository_names(services, sort=sort, direction=direction) == expected


async def repository_names(services: Services, **search: Any) -> list[str]:
    """All names that the search finds, from pages of three."""
    names: list[str] = []
    after: Position | None = None
    while True:
        page = await inspection.repositories(services, ANONYMOUS, RepositorySearch(limit=3, after=after, **search))
        assert len(page.repositories) <= 3
        names += [str(found.name) for found in page.repositories]
        after = page.after
        if after is None:
            return names


@ON_SQLITE
async def test_who_may_not_see_a_repository_does_not_see_it(open_worker: OpenWorker) -> None:
    names = [f"{namespace}/{number}" for number in range(5) for namespace in ("mine", "theirs")]
    rules = Rules(*((Permission.CATALOG, name) for name in names if name.startswith("mine/")))
    services = await open_worker(policy=rules)
    await fill(services, *names)

    everything = await repository_names(services)
    matching = await repository_names(services, text="S/")
    newest_first = await repository_names(services, sort=RepositorySort.CREATED, direction=Direction.DESCENDING)

    assert everything == [f"mine/{number}" for number in range(5)]
    assert matching == []
    assert newest_first == everything[::-1]


@ON_SQLITE
async def test_a_repository_tells_how_many_tags_it_has_now(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    await pusher.index("1", "2", "3", manifests=[])
    await deletion.tag(services, ACCESS, Tag.parse("3"))

    found = (await inspection.repository(services, ACCESS)).summary
    [listed] = (await inspection.repositories(services, ANONYMOUS, RepositorySearch(limit=9))).repositories

    assert found == listed
    assert (str(found.name), found.tags) == ("team/app", 2)


@ON_SQLITE
async def test_what_was_never_pushed_to_is_unknown(services: Services) -> None:
    with pytest.raises(RepositoryUnknown):
        await inspection.repository(services, ACCESS)
    with pytest.raises(RepositoryUnknown):
        await inspection.tags(services, ACCESS, TagSearch(limit=1))


@ON_SQLITE
async def test_the_configured_bound_holds_whatever_is_asked_for(open_worker: OpenWorker) -> None:
    services = await open_worker(page_entries=2)
    await fill(services, "a", "b", "c")
    await Pusher.to(services, "a").index("2", "3", manifests=[])

    repositories = await inspection.repositories(services, ANONYMOUS, RepositorySearch(limit=100))
    tags = await inspection.tags(services, access_to("a"), TagSearch(limit=100))

    assert len(repositories.repositories) == 2
    assert (len(tags.tags), tags.total) == (2, 3)
    assert repositories.after is not None
    assert tags.after is not None


async def test_pages_of_tags_join_to_the_whole_in_any_order(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    for name, size in (("b", 30), ("a", 10), ("c", 20)):
        await pusher.image(name, layers=[b"x" * 1000 * size])
    await pusher.image("d", "e", layers=[b"x" * 5000])

    for sort, names in {TagSort.NAME: "abcde", TagSort.PUSHED: "bacde", TagSort.SIZE: "deacb"}.items():
        found = await tag_names(services, sort=sort)
        assert found == list(names)
    assert await tag_names(services, sort=TagSort.SIZE, direction=Direction.DESCENDING) == list("bcade")
    assert await tag_names(services, sort=TagSort.PULLED, direction=Direction.DESCENDING) == list("abcde")
    assert await tag_names(services, text="B") == ["b"]


async def tag_names(services: Services, **search: Any) -> list[str]:
    """All names that the search finds, from pages of two."""
    names: list[str] = []
    after: Position | None = None
    while True:
        page = await inspection.tags(services, ACCESS, TagSearch(limit=2, after=after, **search))
        assert len(page.tags) <= 2
        names += [str(listed.detail.name) for listed in page.tags]
        after = page.after
        if after is None:
            assert page.total == len(names)
            return names


@ON_SQLITE
async def test_a_tag_moved_between_two_pages_neither_hides_nor_repeats_others(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    image = await pusher.image("a", "b", "c", "d")
    first = await inspection.tags(services, ACCESS, TagSearch(limit=2))

    await deletion.tag(services, ACCESS, Tag.parse("a"))
    await pusher.index("aa", manifests=[image])
    second = await inspection.tags(services, ACCESS, TagSearch(limit=2, after=first.after))

    assert [str(listed.detail.name) for listed in (*first.tags, *second.tags)] == ["a", "b", "c", "d"]


async def test_a_tag_tells_the_platforms_of_what_it_names(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    amd64, arm64 = await pusher.image("image"), await pusher.image(config=ARM64)
    attestation = await pusher.image(config=UNKNOWN, layers=[b"statement"])
    both = [{**amd64, "platform": AMD64}, {**arm64, "platform": ARM64}]
    index = await pusher.index("index", manifests=[*both, {**attestation, "platform": UNKNOWN}])
    await pusher.index("unsaid", manifests=[arm64, amd64])
    await pusher.index("nested", manifests=[{**arm64, "platform": ARM64}, index])
    await pusher.image("artifact", config=b"{}", config_type="application/vnd.oci.empty.v1+json", artifactType="a/b")
    await pusher.image("attestation", config=UNKNOWN, layers=[b"statement"])
    await pusher.index("empty", manifests=[])

    assert await platforms(services) == {
        "image": (LINUX_AMD64,),
        "index": (LINUX_AMD64, LINUX_ARM64),
        "unsaid": (LINUX_ARM64, LINUX_AMD64),
        "nested": (LINUX_ARM64, LINUX_AMD64),
        "artifact": (),
        "attestation": (),
        "empty": (),
    }


@ON_SQLITE
async def test_children_that_are_not_there_lend_an_index_no_platform(open_worker: OpenWorker) -> None:
    services = await open_worker(sparse_manifests=True)
    pusher = Pusher.to(services, "team/app")
    absent = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"absent")), "size": 6, "platform": ARM64}
    await pusher.index("index", manifests=[absent, {**await pusher.image(), "platform": AMD64}])

    assert await platforms(services) == {"index": (LINUX_AMD64,)}


HUGE = b'{"os": "linux", "architecture": "amd64", "author": "%s"}' % (b"x" * limits.IMAGE_CONFIG_BYTES)
WORDY = b'{"os": "linux", "architecture": "amd64", "os.features": ["%s"]}' % (b"x" * limits.PLATFORM_CHARACTERS)
BROKEN = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b'{"os": 1}',
    b'{"author": "\\ud800"}',
    b'{"os": "", "architecture": ""}',
    HUGE,
    WORDY,
]


@ON_SQLITE
@pytest.mark.parametrize("config", BROKEN, ids=range(len(BROKEN)))
async def test_a_configuration_that_is_none_tells_no_platform(services: Services, config: bytes) -> None:
    await Pusher.to(services, "team/app").image("1", config=config)

    assert await platforms(services) == {"1": ()}
    assert await platforms(services) == {"1": ()}


@ON_SQLITE
async def test_an_index_whose_platforms_are_too_wordy_leaves_them_to_the_configurations(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    wordy = {**ARM64, "os.features": ["x" * limits.PLATFORM_CHARACTERS]}
    await pusher.index("1", manifests=[{**await pusher.image(), "platform": wordy}])

    assert await platforms(services) == {"1": (LINUX_AMD64,)}


@ON_SQLITE
async def test_a_platform_is_read_from_the_store_once(services: Services, storage_root: Path) -> None:
    await Pusher.to(services, "team/app").image("1")
    first = await platforms(services)

    for path in stored_blobs(storage_root):
        path.unlink()

    assert first == await platforms(services) == {"1": (LINUX_AMD64,)}


@ON_SQLITE
async def test_a_configuration_that_could_not_be_read_is_read_once_it_can(
    services: Services, storage_root: Path
) -> None:
    pusher = Pusher.to(services, "team/app")
    await pusher.image("1")
    for path in stored_blobs(storage_root):
        path.unlink()
    before = await platforms(services)

    # A re-push heals what the store has lost.
    await pusher.image("1")

    assert (before, await platforms(services)) == ({"1": ()}, {"1": (LINUX_AMD64,)})


@ON_SQLITE
async def test_what_another_repository_holds_tells_nothing_here(open_worker: OpenWorker) -> None:
    services = await open_worker(sparse_manifests=True)
    await Pusher.to(services, "team/app").image("1")
    content = b'{"os": "linux", "architecture": "amd64"}'
    config = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(content)), "size": len(content)}
    layer = {"mediaType": OCI_LAYER_GZIP, "digest": str(Digest.of(b"a layer")), "size": 7}
    await Pusher.to(services, "team/other").manifest(
        {"mediaType": OCI_MANIFEST, "config": config, "layers": [layer]}, "1"
    )

    assert await platforms(services) == {"1": (LINUX_AMD64,)}
    assert await platforms(services, "team/other") == {"1": ()}


@ON_SQLITE
async def test_only_so_many_children_of_an_index_are_looked_at(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    image = await pusher.image()
    children = [{**image, "platform": {"os": "linux", "architecture": f"a{number}"}} for number in range(100)]
    nested = [{**await pusher.index(manifests=children[:60]), "platform": AMD64}, *children[60:]]

    await pusher.index("wide", manifests=children)
    await pusher.index("deep", manifests=nested)

    found = await platforms(services)
    assert [platform.architecture for platform in found["wide"]] == [f"a{number}" for number in range(64)]
    assert len(found["deep"]) == limits.LISTED_PLATFORMS
