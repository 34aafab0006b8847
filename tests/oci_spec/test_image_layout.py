"""Image layouts: what is read of the files that other programs write, and what they are to understand of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ImageLayoutInvalid
from oci_spec.image_layout import (
    REF_NAME,
    LayoutEntry,
    blob_path,
    check_layout_file,
    digest_at,
    layout_file,
    merged_index,
    parse_index,
    tag_of,
)
from oci_spec.media_types import DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST
from oci_spec.reference import Tag
from tests.oci_spec.documents import descriptor, encoded, index, without
from tests.oci_spec.strategies import digests, json_values

TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,10}", fullmatch=True).map(Tag.parse)
ENTRIES = st.builds(
    LayoutEntry,
    st.builds(Descriptor, st.just(OCI_MANIFEST), digests(), st.integers(0, 2**63 - 1)),
    st.none() | TAGS,
)


@given(digests())
def test_a_digest_has_one_path_and_back(digest: Digest) -> None:
    assert digest_at(blob_path(digest)) == digest


@pytest.mark.parametrize(
    "path",
    ["index.json", "blobs", "blobs/", "blobs/sha256", "blobs/sha256/", f"blobs/sha256/{'A' * 64}", "blobs/sha256/../x"]
    + [f"{before}blobs/sha256/{'0' * 64}{after}" for before, after in [("/", ""), ("../", ""), ("", "/x"), ("x", "")]],
)
def test_every_other_path_is_nobodys(path: str) -> None:
    assert digest_at(path) is None


@given(st.text())
def test_a_path_of_any_text_is_a_digests_or_nobodys(path: str) -> None:
    digest = digest_at(path)

    assert digest is None or blob_path(digest) == path


def test_the_file_that_we_write_is_one_that_we_read() -> None:
    check_layout_file(layout_file())
    check_layout_file(b'{"imageLayoutVersion": "1.1.0", "more": true}')


@pytest.mark.parametrize(
    "content",
    [b"", b"1.0.0", b"[]", b"{}", b'{"imageLayoutVersion": 1}', b'{"imageLayoutVersion": "2.0.0"}', b"{" * 9000],
)
def test_another_layout_file_is_refused(content: bytes) -> None:
    with pytest.raises(ImageLayoutInvalid):
        check_layout_file(content)


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("latest", "latest"),
        ("docker.io/library/alpine:3.20", "3.20"),
        ("localhost:5000/team/app:1", "1"),
        ("app:1", "1"),
        (f"team/app:1@sha256:{'0' * 64}", "1"),
        ("localhost:5000/team/app", None),
        ("team/app", None),
        (f"app@sha256:{'0' * 64}", None),
        ("", None),
        ("not a tag", None),
        ("app:", None),
    ],
)
def test_a_tag_is_found_at_the_end_of_what_programs_call_an_image(name: str, tag: str | None) -> None:
    assert tag_of(name) == (None if tag is None else Tag.parse(tag))


def test_an_entry_is_named_by_the_specifications_annotation_before_containerds() -> None:
    names = {REF_NAME: "1", "io.containerd.image.name": "docker.io/library/app:2"}
    entries = [names, without(names, REF_NAME), {}]
    listed = [descriptor(OCI_MANIFEST, annotations=annotations) for annotations in entries]

    read = parse_index(encoded(index(manifests=listed)))

    assert [entry.tag for entry in read] == [Tag.parse("1"), Tag.parse("2"), None]


@given(st.lists(ENTRIES, max_size=5, unique_by=lambda entry: entry.tag or entry.descriptor.digest))
def test_what_is_written_is_read_back(entries: list[LayoutEntry]) -> None:
    read = parse_index(merged_index(entries))

    assert [(entry.descriptor.digest, entry.descriptor.size, entry.tag) for entry in read] == [
        (entry.descriptor.digest, entry.descriptor.size, entry.tag) for entry in entries
    ]


def test_an_entry_takes_the_place_of_the_one_with_its_tag_and_leaves_the_others_as_they_are() -> None:
    kept = descriptor(OCI_INDEX, annotations={REF_NAME: "kept", "org.example": "ours"}, unknown=[1])
    before = index(manifests=[descriptor(OCI_MANIFEST, annotations={REF_NAME: "1"}), kept], annotations={"a": "b"})
    new = LayoutEntry(Descriptor(OCI_MANIFEST, Digest.of(b"new"), 3), Tag.parse("1"))

    merged = json.loads(merged_index([new], encoded(before)))

    assert merged["annotations"] == {"a": "b"}
    assert merged["manifests"][0] == kept
    assert [entry["digest"] for entry in merged["manifests"][1:]] == [str(Digest.of(b"new"))]


def test_an_entry_without_a_tag_is_listed_once() -> None:
    untagged = LayoutEntry(Descriptor(OCI_MANIFEST, Digest.of(b"one"), 3))
    tagged = LayoutEntry(untagged.descriptor, Tag.parse("1"))

    before = merged_index([untagged, tagged])

    assert len(parse_index(merged_index([untagged], before))) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        encoded(without(index(), "manifests")),
        encoded(without(index(), "schemaVersion")),
        encoded(index(schemaVersion=1)),
        encoded(index(mediaType=DOCKER_MANIFEST_LIST)),
        encoded(index(manifests={})),
        encoded(index(manifests=[None])),
        encoded(index(manifests=[descriptor(digest="sha256:../../etc/passwd")])),
        encoded(index(manifests=[descriptor(size=-1)])),
        b'{"schemaVersion": 2, "manifests": [], "manifests": []}',
        b'{"schemaVersion": 2, "manifests": [' + b"," * 2_000_001 + b"]}",
    ],
)
def test_what_is_no_index_is_refused(content: bytes) -> None:
    with pytest.raises(ImageLayoutInvalid):
        parse_index(content)


@given(json_values())
def test_an_index_of_any_shape_is_read_or_refused(value: object) -> None:
    for document in (value, index(manifests=value), index(manifests=[descriptor(annotations=value)])):
        try:
            parse_index(encoded(document))
        except ImageLayoutInvalid:
            continue
