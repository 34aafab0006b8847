"""Index objects read back: what their names and contents say, as `registry.services.index_objects` writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oci_spec.digest import Digest
from oci_spec.errors import OciSpecError
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.reference import RepositoryName, Tag
from registry.services.index_objects import FORMAT


class IndexObjectBroken(Exception):
    """An index object does not say what one of its name should; `reason` completes "it …"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """What the name of an object of a repository says: whose it is, which part of it, and the rest of the name."""

    repository: RepositoryName
    part: str
    rest: str

    def digest(self) -> Digest:
        """The digest that the name ends with.

        Raises:
            IndexObjectBroken: it ends with none.
        """
        return _digest(self.rest.replace("/", ":", 1))

    def tag(self) -> Tag:
        """The tag that the name ends with.

        Raises:
            IndexObjectBroken: it ends with none.
        """
        try:
            return Tag.parse(self.rest)
        except OciSpecError as error:
            raise IndexObjectBroken("bears no tag's name") from error


@dataclass(frozen=True, slots=True)
class IndexedBlob:
    """Where a blob's bytes are, and how many."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class IndexedManifest:
    """A manifest's exact bytes, read again, and who pushed them when."""

    manifest: Manifest
    content: bytes
    pushed_at: datetime
    pushed_by: str


@dataclass(frozen=True, slots=True)
class IndexedTag:
    """What a tag named, and since when."""

    digest: Digest
    since: datetime


def place(name: str) -> Place:
    """What the name of an object below `repositories/` says.

    Raises:
        IndexObjectBroken: no repository's object has such a name.
    """
    components = name.split("/")
    at = next((number for number, component in enumerate(components) if component.startswith("_")), 0)
    try:
        repository = RepositoryName.parse("/".join(components[1:at]))
    except OciSpecError as error:
        raise IndexObjectBroken("bears no repository's name") from error
    return Place(repository, components[at], "/".join(components[at + 1 :]))


def blob_digest(name: str) -> Digest:
    """The digest in the name of an object below `blobs/`.

    Raises:
        IndexObjectBroken: there is none.
    """
    components = name.split("/")
    if len(components) != 4 or not components[3].startswith(components[2]):
        raise IndexObjectBroken("bears no digest's name")
    return _digest(f"{components[1]}:{components[3]}")


def read_blob(content: bytes) -> IndexedBlob:
    """Read a blob's object.

    Raises:
        IndexObjectBroken: it cannot be read.
    """
    fields = _fields(content)
    return IndexedBlob(_field(fields, "key", str), _field(fields, "size", int))


def read_manifest(content: bytes, digest: Digest) -> IndexedManifest:
    """Read a manifest's object, which holds the exact bytes of `digest`; may take 100 ms for the largest.

    Raises:
        IndexObjectBroken: it cannot be read, or its bytes are others.
    """
    head, _, exact = content.partition(b"\n")
    fields = _fields(head)
    if Digest.of(exact, digest.algorithm) != digest:
        raise IndexObjectBroken("holds bytes that do not have its digest")
    try:
        manifest = parse_manifest(exact, _field(fields, "mediaType", str))
    except OciSpecError as error:
        raise IndexObjectBroken(f"holds no manifest: {error}") from error
    return IndexedManifest(manifest, exact, _time(fields, "pushedAt"), _field(fields, "pushedBy", str))


def read_tag(content: bytes) -> IndexedTag:
    """Read a tag's object.

    Raises:
        IndexObjectBroken: it cannot be read.
    """
    fields = _fields(content)
    return IndexedTag(_digest(_field(fields, "digest", str)), _time(fields, "since"))


def _fields(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IndexObjectBroken("is no JSON object") from error
    if not isinstance(fields, dict):
        raise IndexObjectBroken("is no JSON object")
    if fields.get("format") != FORMAT:
        raise IndexObjectBroken(f"is of format {fields.get('format')!r}, this program reads {FORMAT}")
    return fields


def _field(fields: dict[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if type(value) is not kind:
        raise IndexObjectBroken(f"has no {name}")
    return value


def _time(fields: dict[str, Any], name: str) -> datetime:
    try:
        time = datetime.fromisoformat(_field(fields, name, str))
    except ValueError as error:
        raise IndexObjectBroken(f"has no {name}") from error
    if time.tzinfo is None:
        raise IndexObjectBroken(f"has no {name}")
    return time


def _digest(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except OciSpecError as error:
        raise IndexObjectBroken(f"names no digest: {text}") from error
