"""Image layouts: content as files, with an index that names what is in them.

(image-spec, "OCI Image Layout Specification")

What is read here was written by other programs, and may have been written to deceive. `index.json` is bounded by who
reads it; it may list far more than a manifest, since it names all images of a repository.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from oci_spec.descriptor import Descriptor, read_descriptor
from oci_spec.digest import Digest
from oci_spec.errors import DigestInvalid, ImageLayoutInvalid, TagInvalid
from oci_spec.json_fields import FieldInvalid, JsonFields
from oci_spec.media_types import OCI_INDEX
from oci_spec.reference import Tag
from oci_spec.strict_json import NotStrictJson, parse_object

LAYOUT_FILE = "oci-layout"
"""The file that says that a directory is an image layout."""

INDEX_FILE = "index.json"
"""The file that names what is in the layout."""

BLOB_FOLDER = "blobs"
"""The folder of all content, manifests included: below it `<algorithm>/<encoded>`."""

LAYOUT_BYTES = 4096
"""The most bytes of an `oci-layout` file, which holds one version."""

MAX_VALUES = 2_000_000
"""The most values in one `index.json`: some 250,000 entries with a tag each."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation of an entry that holds its tag (image-spec, "Pre-Defined Annotation Keys")."""

# What containerd, BuildKit and dockerd call an image, beside or in place of the specification's own annotation.
_IMAGE_NAME = "io.containerd.image.name"
_MAJOR_VERSION = "1."
_VERSION = "1.0.0"
_SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True)
class LayoutEntry:
    """One line of `index.json`: a manifest, and the tag that it is to be known by (None: by its digest alone)."""

    descriptor: Descriptor
    tag: Tag | None = None


def blob_path(digest: Digest) -> str:
    """Where a layout keeps the content of `digest`, with `/` between the parts."""
    return f"{BLOB_FOLDER}/{digest.algorithm}/{digest.encoded}"


def digest_at(path: str) -> Digest | None:
    """The digest whose content a layout keeps at `path`; None for every other file."""
    folder, _, rest = path.partition("/")
    algorithm, _, encoded = rest.partition("/")
    if folder != BLOB_FOLDER:
        return None
    try:
        return Digest.parse(f"{algorithm}:{encoded}")
    except DigestInvalid:
        return None


def layout_file() -> bytes:
    """The content of `oci-layout` in a layout as it is written here."""
    return _encoded({"imageLayoutVersion": _VERSION})


def check_layout_file(content: bytes) -> None:
    """Return if `content` is that of an `oci-layout` whose layout can be read here.

    Raises:
        ImageLayoutInvalid: it is not.
    """
    try:
        version = JsonFields(parse_object(content)).optional_line("imageLayoutVersion")
    except (NotStrictJson, FieldInvalid) as error:
        raise ImageLayoutInvalid(f"{LAYOUT_FILE}: {error}") from error
    if version is None or not version.startswith(_MAJOR_VERSION):
        raise ImageLayoutInvalid(f"{LAYOUT_FILE}: version {version} of the image layout is not {_VERSION}")


def parse_index(content: bytes) -> tuple[LayoutEntry, ...]:
    """What the `index.json` with these bytes lists, in its order.

    Raises:
        ImageLayoutInvalid: it is not an image index.
    """
    return tuple(entry for _, entry in _listed(_document(content)))


def merged_index(entries: Sequence[LayoutEntry], before: bytes | None = None) -> bytes:
    """The `index.json` that lists `entries`, after what the one `before` lists and they do not take the place of.

    An entry takes the place of those with its tag; one without a tag, of those with its digest and no tag.

    Raises:
        ImageLayoutInvalid: `before` is not an image index.
    """
    document: dict[str, object] = {"schemaVersion": _SCHEMA_VERSION, "mediaType": OCI_INDEX}
    kept: list[object] = []
    if before is not None:
        document = _document(before)
        replaced = set(map(_identity, entries))
        # As they are written: others may have added to an entry what is not understood here.
        kept = [written for written, entry in _listed(document) if _identity(entry) not in replaced]
    document["manifests"] = [*kept, *map(_written, entries)]
    return _encoded(document)


def tag_of(name: str) -> Tag | None:
    """The tag in what some program wrote as the name of an image: a tag alone, or the end of a whole reference.

    None where there is none, as in `localhost:5000/team/app` or `app@sha256:…`.
    """
    tagged, at, _ = name.partition("@")
    _, slash, last = tagged.rpartition("/")
    _, colon, tag = last.rpartition(":")
    if (slash or at) and not colon:
        return None
    try:
        return Tag.parse(tag)
    except TagInvalid:
        return None


def _document(content: bytes) -> dict[str, object]:
    try:
        return parse_object(content, MAX_VALUES)
    except NotStrictJson as error:
        raise ImageLayoutInvalid(f"{INDEX_FILE}: {error}") from error


def _listed(document: dict[str, object]) -> list[tuple[object, LayoutEntry]]:
    """The entries of an `index.json`, each as it is written and as it is understood."""
    fields = JsonFields(document)
    try:
        if fields.natural("schemaVersion") != _SCHEMA_VERSION:
            raise fields.wrong("schemaVersion", f"expected {_SCHEMA_VERSION}")
        if fields.optional_line("mediaType") not in {None, OCI_INDEX}:
            raise fields.wrong("mediaType", f"expected {OCI_INDEX}")
        if not fields.has("manifests"):
            raise fields.wrong("manifests", "expected an array of descriptors")
        entries = [_entry(read_descriptor(child)) for child in fields.children("manifests")]
    except FieldInvalid as error:
        raise ImageLayoutInvalid(f"{INDEX_FILE}: {error}") from error
    written = document["manifests"] or []
    assert isinstance(written, list)
    return list(zip(written, entries, strict=True))


def _entry(descriptor: Descriptor) -> LayoutEntry:
    annotations = descriptor.annotations or {}
    name = annotations.get(REF_NAME) or annotations.get(_IMAGE_NAME) or ""
    return LayoutEntry(descriptor, tag_of(name))


def _identity(entry: LayoutEntry) -> Tag | Digest:
    return entry.descriptor.digest if entry.tag is None else entry.tag


def _written(entry: LayoutEntry) -> dict[str, object]:
    descriptor = entry.descriptor
    written: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if descriptor.artifact_type is not None:
        written["artifactType"] = descriptor.artifact_type
    if entry.tag is not None:
        written["annotations"] = {REF_NAME: str(entry.tag)}
    return written


def _encoded(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
