import pytest

from oci_spec import media_types
from oci_spec.descriptor import Descriptor, Platform
from oci_spec.digest import Digest
from oci_spec.errors import ManifestInvalid, ManifestSchemaOneRefused
from oci_spec.manifest import Manifest, ManifestKind, parse_manifest
from tests.oci_spec.documents import DIGEST, OTHER_DIGEST, descriptor, encoded, image, index, without


def parse(document: object, content_type: str | None = None) -> Manifest:
    return parse_manifest(encoded(document), content_type)


def refusal(document: object, content_type: str | None = None) -> str:
    with pytest.raises(ManifestInvalid) as refused:
        parse(document, content_type)
    return refused.value.reason


def test_an_image_has_a_configuration_and_layers() -> None:
    manifest = parse(image(annotations={"org.opencontainers.image.title": "é"}), media_types.OCI_MANIFEST)

    assert manifest == Manifest(
        media_type=media_types.OCI_MANIFEST,
        kind=ManifestKind.IMAGE,
        config=Descriptor(media_types.OCI_CONFIG, Digest.parse(DIGEST), 2),
        layers=(Descriptor(media_types.OCI_LAYER_GZIP, Digest.parse(DIGEST), 2),),
        manifests=(),
        subject=None,
        artifact_type=None,
        annotations={"org.opencontainers.image.title": "é"},
    )
    assert hash(manifest) == hash(parse(image(), None))


def test_an_index_has_manifests() -> None:
    manifest = parse(index(artifactType="application/vnd.example", subject=descriptor(digest=OTHER_DIGEST)))

    assert manifest.kind is ManifestKind.INDEX
    assert manifest.media_type == media_types.OCI_INDEX
    assert [child.media_type for child in manifest.manifests] == [media_types.OCI_MANIFEST]
    assert (manifest.config, manifest.layers) == (None, ())
    assert manifest.artifact_type == "application/vnd.example"
    assert manifest.subject is not None
    assert str(manifest.subject.digest) == OTHER_DIGEST


@pytest.mark.parametrize("media_type", sorted(media_types.MANIFEST_TYPES))
def test_docker_and_oci_have_both_kinds(media_type: str) -> None:
    is_index = media_type in media_types.INDEX_TYPES
    document = (index if is_index else image)(mediaType=media_type)

    manifest = parse(document, media_type)

    assert manifest.media_type == media_type
    assert manifest.kind is (ManifestKind.INDEX if is_index else ManifestKind.IMAGE)


def test_a_descriptor_keeps_all_that_its_author_says() -> None:
    entry = descriptor(
        media_types.OCI_MANIFEST,
        urls=["https://example.com/blob"],
        annotations={"a": ""},
        platform={
            "os": "windows",
            "architecture": "arm",
            "variant": "v7",
            "os.version": "10.0.14393.1066",
            "os.features": ["win32k"],
        },
        artifactType="application/vnd.example",
        data="e30=",
    )

    (child,) = parse(index(manifests=[entry])).manifests

    assert child == Descriptor(
        media_type=media_types.OCI_MANIFEST,
        digest=Digest.parse(DIGEST),
        size=2,
        urls=("https://example.com/blob",),
        annotations={"a": ""},
        platform=Platform("windows", "arm", "v7", "10.0.14393.1066", ("win32k",)),
        artifact_type="application/vnd.example",
        data="e30=",
    )
    assert isinstance(hash(child), int)


class TestWhatRegistriesMustTake:
    """Odd documents that clients push and expect back (image-spec, "Guidelines for Artifact Usage")."""

    @pytest.mark.parametrize("layers", [{"layers": []}, {"layers": None}, {}])
    def test_an_image_may_have_no_layers(self, layers: dict[str, object]) -> None:
        assert parse(without(image(), "layers") | layers).layers == ()

    @pytest.mark.parametrize("manifests", [[], None])
    def test_an_index_may_have_no_manifests(self, manifests: object) -> None:
        assert parse(index(manifests=manifests)).manifests == ()

    def test_an_index_may_list_indexes(self) -> None:
        (child,) = parse(index(manifests=[descriptor(media_types.OCI_INDEX)])).manifests

        assert child.media_type == media_types.OCI_INDEX

    def test_an_artifacts_configuration_and_layers_may_be_of_any_type(self) -> None:
        document = image(
            artifactType="application/x.unheard-of",
            config=descriptor(media_types.OCI_EMPTY, data="e30="),
            layers=[descriptor("text/plain; charset=utf-8"), descriptor("no-slash"), descriptor(media_types.OCI_EMPTY)],
        )

        manifest = parse(document)

        assert manifest.artifact_type == "application/x.unheard-of"
        assert manifest.config is not None
        assert manifest.config.data == "e30="
        assert [layer.media_type for layer in manifest.layers][:2] == ["text/plain; charset=utf-8", "no-slash"]

    def test_an_old_buildkit_cache_lists_layers_as_manifests(self) -> None:
        document = index(
            manifests=[descriptor(media_types.OCI_LAYER_GZIP), descriptor("application/vnd.buildkit.cacheconfig.v0")]
        )

        manifest = parse(document)

        assert manifest.kind is ManifestKind.INDEX
        assert media_types.is_layer_like(manifest.manifests[0].media_type)

    def test_attestations_are_for_an_unknown_platform(self) -> None:
        annotations = {"vnd.docker.reference.type": "attestation-manifest"}
        entry = descriptor(platform={"os": "unknown", "architecture": "unknown"}, annotations=annotations)

        (child,) = parse(index(manifests=[entry])).manifests

        assert child.platform == Platform("unknown", "unknown")
        assert child.annotations == annotations

    def test_a_platform_may_leave_everything_out(self) -> None:
        (child,) = parse(index(manifests=[descriptor(platform={})])).manifests

        assert child.platform == Platform("", "")

    def test_foreign_layers_carry_their_urls(self) -> None:
        foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        document = image(layers=[descriptor(foreign, urls=["https://example.com/layer"])])

        (layer,) = parse(document).layers

        assert media_types.is_nondistributable(layer.media_type)
        assert layer.urls == ("https://example.com/layer",)

    def test_unknown_fields_do_not_matter_anywhere(self) -> None:
        platform = {"os": "linux", "architecture": "amd64", "features": ["sse4"]}
        entry = descriptor(platform=platform) | {"org.example": [{}]}

        manifest = parse(index(manifests=[entry], **{"org.example": {"a": [1, 1.5e300, None, True]}, "": 10**40}))

        assert len(manifest.manifests) == 1

    def test_null_is_as_good_as_absent(self) -> None:
        optional = {"mediaType": None, "subject": None, "annotations": None, "artifactType": None}
        entry = descriptor(urls=None, annotations=None, platform=None, artifactType=None, data=None)

        manifest = parse(image(layers=[entry], **optional))

        assert manifest == parse(image(layers=[descriptor()]))

    def test_a_manifest_may_be_its_own_kind_of_untidy(self) -> None:
        content = b"\r\n\t " + encoded(image()).replace(b",", b" ,\n\n") + b"\n\n"

        assert parse_manifest(content, None) == parse(image())


class TestTheType:
    """Content-Type, `mediaType` and shape must agree (distribution-spec, "Pushing Manifests")."""

    @pytest.mark.parametrize("content_type", [None, "", "  "])
    def test_without_a_content_type_the_media_type_counts(self, content_type: str | None) -> None:
        document = image(mediaType=media_types.DOCKER_MANIFEST)

        assert parse(document, content_type).media_type == media_types.DOCKER_MANIFEST

    @pytest.mark.parametrize("absent", [{}, {"mediaType": None}, {"mediaType": ""}])
    def test_without_a_media_type_the_content_type_counts(self, absent: dict[str, object]) -> None:
        document = without(image(), "mediaType") | absent

        assert parse(document, media_types.DOCKER_MANIFEST).media_type == media_types.DOCKER_MANIFEST

    def test_without_both_the_shape_counts(self) -> None:
        assert parse(without(image(), "mediaType")).media_type == media_types.OCI_MANIFEST
        assert parse(without(index(), "mediaType")).media_type == media_types.OCI_INDEX

    def test_without_all_three_the_refusal_says_what_is_missing(self) -> None:
        assert "Content-Type" in refusal({"schemaVersion": 2})

    def test_parameters_and_case_of_the_content_type_do_not_matter(self) -> None:
        content_type = "application/vnd.OCI.image.manifest.v1+json; charset=utf-8"

        assert parse(image(), content_type).media_type == media_types.OCI_MANIFEST

    @pytest.mark.parametrize("content_type", [media_types.OCI_INDEX, media_types.DOCKER_MANIFEST])
    def test_a_content_type_other_than_the_media_type_is_refused(self, content_type: str) -> None:
        reason = refusal(image(), content_type)

        assert content_type in reason
        assert media_types.OCI_MANIFEST in reason

    @pytest.mark.parametrize(
        "media_type",
        [
            "application/json",
            "application/octet-stream",
            "application/vnd.oci.artifact.manifest.v1+json",
            "application/vnd.cncf.oras.artifact.manifest.v1+json",
            media_types.OCI_CONFIG,
        ],
    )
    def test_a_type_that_is_no_manifests_is_refused_with_those_that_are(self, media_type: str) -> None:
        for reason in (refusal(image(), media_type), refusal(image(mediaType=media_type))):
            assert media_type in reason
            assert all(known in reason for known in media_types.MANIFEST_TYPES)

    @pytest.mark.parametrize("content_type", ["nonsense", "a/b/c", "\ud800", "é/é", ";"])
    def test_a_content_type_that_is_none_is_refused(self, content_type: str) -> None:
        assert "Content-Type" in refusal(image(), content_type)

    @pytest.mark.parametrize("name", ["manifests", "fsLayers"])
    @pytest.mark.parametrize("value", [[], None, [descriptor()], {}])
    def test_an_image_with_the_fields_of_another_kind_is_refused(self, name: str, value: object) -> None:
        assert name in refusal(image(**{name: value}))
        assert name in refusal(without(image(**{name: value}), "mediaType"))
        assert name in refusal(without(image(**{name: value}), "mediaType"), media_types.DOCKER_MANIFEST)

    @pytest.mark.parametrize("name", ["config", "layers", "fsLayers"])
    @pytest.mark.parametrize("value", [[], None, [descriptor()], {}])
    def test_an_index_with_the_fields_of_another_kind_is_refused(self, name: str, value: object) -> None:
        assert name in refusal(index(**{name: value}))
        assert name in refusal(without(index(**{name: value}), "mediaType"), media_types.DOCKER_MANIFEST_LIST)


class TestSchemaOne:
    """Docker's schema 1 is refused by name wherever it shows itself."""

    @pytest.mark.parametrize("media_type", sorted(media_types.SCHEMA1_TYPES))
    def test_it_is_recognised_by_either_type(self, media_type: str) -> None:
        with pytest.raises(ManifestSchemaOneRefused):
            parse({}, media_type)
        with pytest.raises(ManifestSchemaOneRefused):
            parse(image(mediaType=media_type))
        with pytest.raises(ManifestSchemaOneRefused):
            parse({}, media_type + "; charset=utf-8")

    @pytest.mark.parametrize("content_type", [None, media_types.DOCKER_MANIFEST])
    def test_it_is_recognised_by_its_version(self, content_type: str | None) -> None:
        document = {"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": [], "signatures": []}

        with pytest.raises(ManifestSchemaOneRefused):
            parse(document, content_type)


class TestWhatIsRefused:
    """A refusal names the place in the document."""

    @pytest.mark.parametrize("version", [0, 3, -2, 2.0, "2", True, None, [2]])
    def test_another_schema_version(self, version: object) -> None:
        assert refusal(image(schemaVersion=version)).startswith("schemaVersion: ")

    @pytest.mark.parametrize("name", ["schemaVersion", "config"])
    def test_an_image_without_a_required_field(self, name: str) -> None:
        assert name in refusal(without(image(), name))

    def test_an_index_without_manifests(self) -> None:
        assert refusal(without(index(), "manifests")).startswith("manifests: ")

    @pytest.mark.parametrize("name", ["mediaType", "digest", "size"])
    def test_a_descriptor_without_a_required_field(self, name: str) -> None:
        assert refusal(image(layers=[descriptor(), without(descriptor(), name)])).startswith(f"layers[1].{name}: ")
        assert refusal(image(config=without(descriptor(), name))).startswith(f"config.{name}: ")
        assert refusal(image(subject=without(descriptor(), name))).startswith(f"subject.{name}: ")
        assert refusal(index(manifests=[without(descriptor(), name)])).startswith(f"manifests[0].{name}: ")

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("size", [-1, 2**63, 10**400, 1.0, "1", True, None, []]),
            ("digest", ["", "sha256:short", "sha256:" + "A" * 64, "blake3:" + "0" * 64, 7, None, DIGEST + "\n"]),
            ("mediaType", ["", 7, None, [], "a\x00b", "a\nb", "é/é", "a/" + "b" * 254]),
            ("urls", ["https://example.com", [7], [None], {}, True]),
            ("annotations", [[], "a", {"a": 1}, {"a": None}, {"a": {}}, False]),
            ("artifactType", [7, [], {}, "a\x00", "é"]),
            ("data", [7, {}, []]),
            ("platform", ["linux/amd64", [], 7]),
        ],
    )
    def test_an_ill_typed_field_of_a_descriptor(self, name: str, values: list[object]) -> None:
        for value in values:
            document = image(layers=[descriptor() | {name: value}])

            assert refusal(document).startswith(f"layers[0].{name}: "), value

    @pytest.mark.parametrize("platform", [{"os": 7}, {"architecture": []}, {"variant": {}}, {"os.version": 1}])
    def test_an_ill_typed_field_of_a_platform(self, platform: dict[str, object]) -> None:
        (name,) = platform

        assert refusal(index(manifests=[descriptor(platform=platform)])).startswith(f"manifests[0].platform.{name}: ")

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("layers", [{}, "", 7, [None], [[]], ["a"]]),
            ("config", [[], "", 7, True]),
            ("subject", [[], "", 7, DIGEST]),
            ("annotations", [[], "", {"a": 7}]),
            ("artifactType", [7, [], "a\x00b"]),
            ("mediaType", [7, [], {}]),
        ],
    )
    def test_an_ill_typed_field_of_the_manifest(self, name: str, values: list[object]) -> None:
        for value in values:
            assert refusal(image(**{name: value})).startswith(name), value

    @pytest.mark.parametrize("name", ["Layers", "LAYERS", "layer\N{LATIN SMALL LETTER LONG S}", "mediatype", "SUBJECT"])
    def test_a_name_that_other_decoders_take_for_a_known_one(self, name: str) -> None:
        assert "taken for" in refusal(image(**{name: None}))
        assert "taken for" in refusal(image(layers=[descriptor(Digest=OTHER_DIGEST)]))
        assert "taken for" in refusal(index(manifests=[descriptor(platform={"OS": "linux"})]))


@pytest.mark.parametrize(
    ("document", "artifact_type"),
    [
        (image(), media_types.OCI_CONFIG),
        (image(artifactType=""), media_types.OCI_CONFIG),
        (image(artifactType="application/vnd.example"), "application/vnd.example"),
        (image(config=descriptor(media_types.OCI_EMPTY)), media_types.OCI_EMPTY),
        (index(), None),
        (index(artifactType="application/vnd.example"), "application/vnd.example"),
    ],
)
def test_a_referrer_is_listed_under_its_artifact_type_or_its_configurations(
    document: dict[str, object], artifact_type: str | None
) -> None:
    assert parse(document).referrer_artifact_type == artifact_type
