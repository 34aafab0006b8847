"""What is told about one tag: every manifest that it leads to, how it runs, its layers and how it was built."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.image_config import HistoryEntry
from oci_spec.media_types import OCI_CONFIG, OCI_EMPTY, OCI_LAYER_GZIP, OCI_MANIFEST
from oci_spec.reference import Tag
from registry import limits
from registry.errors import ManifestUnknown, RepositoryUnknown
from registry.services import deletion, image_description
from registry.services.context import Services
from registry.services.image_description import DescribedTag
from registry.services.manifest_tree import ManifestRole
from tests.registry.assembly import ON_SQLITE, OpenWorker, access_to
from tests.registry.pushing import AMD64, ARM64, UNKNOWN, Document, Pusher
from tests.registry.uploading import stored_blobs

ACCESS = access_to("team/app")
LINUX_AMD64 = Platform("linux", "amd64")
LINUX_ARM64 = Platform("linux", "arm64", "v8")

CONFIG: Document = {
    **AMD64,
    "created": "2026-01-02T03:04:05Z",
    "author": "somebody",
    "config": {
        "Cmd": ["serve"],
        "Entrypoint": ["/app"],
        "Env": ["PATH=/bin", "A=1"],
        "ExposedPorts": {"80/tcp": {}},
        "Labels": {"a": "b"},
        "User": "app",
        "WorkingDir": "/srv",
        "Volumes": {"/data": {}},
        "StopSignal": "SIGINT",
    },
    "history": [
        {"created_by": "COPY . /", "created": "2026-01-02T03:04:05Z"},
        {"created_by": "CMD", "empty_layer": True},
    ],
}


async def describe(services: Services, tag: str = "1") -> DescribedTag:
    return await image_description.tag(services, ACCESS, Tag.parse(tag))


async def test_an_image_is_described_by_its_configuration_layers_and_history(services: Services) -> None:
    pushed = await Pusher.to(services, "team/app").image("1", config=CONFIG, layers=[b"lower", b"upper layer"])

    described = await describe(services)

    [image] = described.manifests
    assert (str(image.digest), image.media_type) == (pushed["digest"], OCI_MANIFEST)
    assert (image.role, image.present, image.platform) == (ManifestRole.IMAGE, True, LINUX_AMD64)
    assert [(layer.digest, layer.media_type, layer.size) for layer in image.layers] == [
        (Digest.of(b"lower"), OCI_LAYER_GZIP, 5),
        (Digest.of(b"upper layer"), OCI_LAYER_GZIP, 11),
    ]
    assert image.size == described.listed.detail.size > pushed["size"] + 16
    configuration = image.configuration
    assert configuration is not None
    assert (configuration.command, configuration.entrypoint) == (("serve",), ("/app",))
    assert (configuration.env, configuration.exposed_ports) == (("PATH=/bin", "A=1"), ("80/tcp",))
    assert (configuration.labels, configuration.user) == ({"a": "b"}, "app")
    assert (configuration.working_dir, configuration.volumes) == ("/srv", ("/data",))
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert configuration.history == (
        HistoryEntry(moment, "COPY . /", None, empty_layer=False),
        HistoryEntry(None, "CMD", None, empty_layer=True),
    )
    assert (described.complete, described.listed.platforms) == (True, (LINUX_AMD64,))


async def test_an_index_leads_to_its_images_and_to_what_is_said_about_them(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    amd64, arm64 = await pusher.image(), await pusher.image(config=ARM64)
    statement = await pusher.image(config=UNKNOWN, layers=[b"statement"])
    nested = await pusher.index(manifests=[{**arm64, "platform": ARM64}, {**statement, "platform": UNKNOWN}])
    await pusher.index("1", manifests=[nested, amd64], annotations={"a": "b"})

    described = await describe(services)

    found = [(str(each.digest), each.role, each.platform) for each in described.manifests]
    assert found == [
        (arm64["digest"], ManifestRole.IMAGE, LINUX_ARM64),
        (statement["digest"], ManifestRole.ATTESTATION, None),
        (amd64["digest"], ManifestRole.IMAGE, LINUX_AMD64),
    ]
    assert [each.configuration is not None for each in described.manifests] == [True, False, True]
    assert [layer.size for layer in described.manifests[1].layers] == [len(b"statement")]
    assert described.listed.platforms == (LINUX_ARM64, LINUX_AMD64)
    assert (described.annotations, described.complete) == ({"a": "b"}, True)


@ON_SQLITE
async def test_an_artifact_has_a_type_and_files_and_no_configuration(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    subject = await pusher.image()
    await pusher.image("1", config=CONFIG, artifactType="application/x", subject=subject)
    await pusher.image("2", config=b"{}", config_type="application/y")

    named, told_by_config = await describe(services, "1"), await describe(services, "2")

    assert (str(named.subject), named.listed.artifact_type) == (subject["digest"], "application/x")
    assert (told_by_config.subject, told_by_config.listed.artifact_type) == (None, "application/y")
    for described in (named, told_by_config):
        [artifact] = described.manifests
        assert (artifact.role, artifact.artifact_type) == (ManifestRole.ARTIFACT, described.listed.artifact_type)
        assert (artifact.configuration, artifact.platform, described.listed.platforms) == (None, None, ())
        assert len(artifact.layers) == 1


@ON_SQLITE
@pytest.mark.parametrize("config", [b"", b"{", b"[]", b'{"author": "\\udead"}', b'{"config": {"Cmd": "sh"}}'])
async def test_a_broken_configuration_is_none(services: Services, config: bytes) -> None:
    await Pusher.to(services, "team/app").image("1", config=config)

    [image] = (await describe(services)).manifests

    assert (image.role, image.configuration, image.platform, len(image.layers)) == (ManifestRole.IMAGE, None, None, 1)


@ON_SQLITE
async def test_a_configuration_whose_bytes_are_gone_is_none(services: Services, storage_root: Path) -> None:
    await Pusher.to(services, "team/app").image("1")
    for path in stored_blobs(storage_root):
        path.unlink()

    [image] = (await describe(services)).manifests

    assert (image.configuration, len(image.layers)) == (None, 1)


@ON_SQLITE
async def test_what_is_not_there_is_told_to_be_absent(open_worker: OpenWorker) -> None:
    services = await open_worker(sparse_manifests=True)
    pusher = Pusher.to(services, "team/app")
    absent = {"mediaType": OCI_MANIFEST, "digest": str(Digest.of(b"absent")), "size": 6}
    config = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(b"config")), "size": 6}
    without_config = await pusher.manifest({"mediaType": OCI_MANIFEST, "config": config, "layers": []})
    await pusher.index("1", manifests=[{**absent, "platform": ARM64}, {**without_config, "platform": AMD64}])

    described = await describe(services)

    assert [(each.present, each.platform, each.configuration) for each in described.manifests] == [
        (False, LINUX_ARM64, None),
        (True, LINUX_AMD64, None),
    ]
    assert [each.size for each in described.manifests] == [6, without_config["size"] + 6]
    assert (described.listed.platforms, described.complete) == ((LINUX_AMD64,), True)


@ON_SQLITE
async def test_a_configuration_that_only_another_repository_links_is_none(open_worker: OpenWorker) -> None:
    services = await open_worker(sparse_manifests=True)
    elsewhere = await Pusher.to(services, "team/other").blob(b'{"os": "linux", "architecture": "s"}', OCI_CONFIG)
    await Pusher.to(services, "team/app").manifest({"mediaType": OCI_MANIFEST, "config": elsewhere, "layers": []}, "1")

    [image] = (await describe(services)).manifests

    assert (image.configuration, image.platform) == (None, None)


@ON_SQLITE
async def test_a_build_cache_lists_blobs(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    layer = await pusher.blob(b"a layer", OCI_LAYER_GZIP)
    await pusher.index("1", manifests=[layer, await pusher.blob(b"{}", OCI_EMPTY)])

    described = await describe(services)

    assert [(each.role, each.present, each.size) for each in described.manifests] == [
        (ManifestRole.BLOB, True, 7),
        (ManifestRole.BLOB, True, 2),
    ]
    assert described.listed.platforms == ()


@ON_SQLITE
async def test_only_so_much_of_a_wide_index_is_described(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    images = [await pusher.image(layers=[], annotations={"number": str(n)}) for n in range(limits.DESCRIBED_MANIFESTS)]
    await pusher.index("all", manifests=images[:-1])
    await pusher.index("more", manifests=images)
    await pusher.index("repeated", manifests=[images[0]] * (limits.DESCRIBED_ENTRIES + 1))

    told = {tag: await describe(services, tag) for tag in ("all", "more", "repeated")}

    assert {tag: described.complete for tag, described in told.items()} == {
        "all": True,
        "more": False,
        "repeated": False,
    }
    assert all(len(described.manifests) <= limits.DESCRIBED_MANIFESTS for described in told.values())
    assert len(told["all"].manifests) == limits.DESCRIBED_MANIFESTS - 1


@ON_SQLITE
async def test_only_so_many_layers_of_a_manifest_are_described(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    await pusher.image("1", layers=[b"a layer"], annotations={})
    layer = await pusher.blob(b"a layer", OCI_LAYER_GZIP)
    config = await pusher.blob(b"{}", OCI_EMPTY)
    document = {"mediaType": OCI_MANIFEST, "artifactType": "a/b", "config": config}
    await pusher.manifest({**document, "layers": [layer] * limits.DESCRIBED_ENTRIES}, "2")

    assert (await describe(services, "1")).complete
    assert not (await describe(services, "2")).complete


@ON_SQLITE
async def test_indexes_are_followed_only_so_deep_and_each_of_them_once(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    nested = await pusher.image()
    # Read as a tree, the last of these would have 3 to the power of its depth leaves.
    for depth in range(1, limits.INDEX_DEPTH + 2):
        nested = await pusher.index(f"depth{depth}", manifests=[nested, nested, nested], annotations={"n": str(depth)})

    just = await describe(services, f"depth{limits.INDEX_DEPTH}")
    too_deep = await describe(services, f"depth{limits.INDEX_DEPTH + 1}")

    assert ([each.role for each in just.manifests], just.complete) == ([ManifestRole.IMAGE] * 3, True)
    assert (too_deep.manifests, too_deep.complete) == ((), False)


@ON_SQLITE
async def test_configurations_are_read_up_to_a_bound_on_them_all(services: Services) -> None:
    pusher = Pusher.to(services, "team/app")
    large = limits.DESCRIBED_CONFIG_BYTES // 3
    children = [await pusher.image(config={**AMD64, "author": letter * large}) for letter in "abc"]
    await pusher.index("1", manifests=[*children, await pusher.image()])

    described = await describe(services)

    # The third no longer fits; one that is small still does.
    assert [each.configuration is not None for each in described.manifests] == [True, True, False, True]


@ON_SQLITE
async def test_what_does_not_exist_is_unknown(services: Services) -> None:
    with pytest.raises(RepositoryUnknown):
        await describe(services)
    await Pusher.to(services, "team/app").image("1", "2")
    await deletion.tag(services, ACCESS, Tag.parse("1"))

    with pytest.raises(ManifestUnknown):
        await describe(services, "1")
    assert (await describe(services, "2")).complete
