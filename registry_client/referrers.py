"""Referrers: the manifests whose subject is another one (distribution-spec, "Listing Referrers").

Where a registry lacks the API, clients keep the list themselves, as an index under a tag made of the subject's digest
("Referrers Tag Schema"). Two clients that add to it at the same time may lose one of both entries: the schema has no
remedy.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from urllib.parse import quote

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import ManifestInvalid
from oci_spec.manifest import Manifest, parse_manifest
from oci_spec.media_types import OCI_INDEX
from oci_spec.reference import RepositoryName, fallback_tag
from registry_client import manifests
from registry_client.errors import AnswerInvalid, NotFound, Unsupported
from registry_client.json_answers import read_object
from registry_client.lists import pages
from registry_client.scopes import to_pull
from registry_client.transport import Answer, Request, Transport

_FILTER = "artifactType"


async def referrers(
    transport: Transport, repository: RepositoryName, subject: Digest, artifact_type: str | None = None
) -> AsyncGenerator[Descriptor]:
    """What refers to `subject`, of one artifact type if that is given; nothing where the subject is not known.

    Raises:
        AnswerInvalid: the list is none.
    """
    query = "" if artifact_type is None else f"{_FILTER}={quote(artifact_type, safe='/')}"
    url = transport.origin.url(f"/v2/{repository}/referrers/{subject}", query)
    request = Request("GET", url, to_pull(repository), {"Accept": OCI_INDEX})
    begun = False
    try:
        async for page in pages(transport, request):
            if not begun and not _is_list(page):
                break
            begun = True
            for descriptor in _index(page.body).manifests:
                if _is_filtered(page) or _matches(descriptor, artifact_type):
                    yield descriptor
    except (NotFound, Unsupported):
        # Registries with the API never answer so, not even about what they do not have.
        if begun:
            raise
    if not begun:
        for descriptor in await _from_fallback_tag(transport, repository, subject):
            if _matches(descriptor, artifact_type):
                yield descriptor


async def record(transport: Transport, repository: RepositoryName, subject: Digest, referrer: Descriptor) -> None:
    """Add what was pushed to the list under its subject's fallback tag, for a registry without the API."""
    tag = fallback_tag(subject)
    try:
        entries = _entries((await manifests.fetch(transport, repository, tag)).content)
    except NotFound:
        entries = []
    if any(entry.get("digest") == str(referrer.digest) for entry in entries):
        return
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*entries, _entry(referrer)]}
    await manifests.push(transport, repository, tag, json.dumps(index).encode(), media_type=OCI_INDEX)


async def _from_fallback_tag(
    transport: Transport, repository: RepositoryName, subject: Digest
) -> tuple[Descriptor, ...]:
    try:
        fetched = await manifests.fetch(transport, repository, fallback_tag(subject))
    except NotFound:
        return ()
    return _index(fetched.content).manifests


def _entries(content: bytes) -> list[dict[str, object]]:
    """The entries of an index as they stand there, with all that somebody may have added to them."""
    _index(content)
    entries: list[dict[str, object]] = read_object(content)["manifests"]  # type: ignore[assignment]
    return entries or []


def _entry(referrer: Descriptor) -> dict[str, object]:
    entry: dict[str, object] = {
        "mediaType": referrer.media_type,
        "digest": str(referrer.digest),
        "size": referrer.size,
        "artifactType": referrer.artifact_type,
        "annotations": referrer.annotations,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _index(content: bytes) -> Manifest:
    try:
        return parse_manifest(content, OCI_INDEX)
    except ManifestInvalid as error:
        raise AnswerInvalid(f"the list of referrers is no index: {error}") from error


def _is_list(page: Answer) -> bool:
    # A page for people, or a list in another shape: there is no such API here.
    return page.headers.get("Content-Type", "").partition(";")[0].strip().lower() == OCI_INDEX


def _is_filtered(page: Answer) -> bool:
    applied = ",".join(page.headers.getall("OCI-Filters-Applied", [])).split(",")
    return _FILTER in [name.strip() for name in applied]


def _matches(descriptor: Descriptor, artifact_type: str | None) -> bool:
    return artifact_type is None or descriptor.artifact_type == artifact_type
