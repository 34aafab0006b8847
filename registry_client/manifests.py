"""Manifests: found, fetched with their digests verified, and pushed (distribution-spec, "Pulling manifests")."""

from __future__ import annotations

from dataclasses import dataclass, field

from yarl import URL

from oci_spec.descriptor import Descriptor
from oci_spec.digest import Digest
from oci_spec.errors import MediaTypeInvalid
from oci_spec.media_types import DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST, parse_content_type
from oci_spec.reference import Reference, RepositoryName
from registry_client import limits
from registry_client.errors import AnswerInvalid, DigestMismatch, ManifestNotFound, Unsupported
from registry_client.hashing import digest_of
from registry_client.scopes import to_pull, to_push
from registry_client.sources import Body, BytesSource
from registry_client.transport import Answer, Request, Transport

# All families, so that nothing is converted on the way and a tag names the same manifest to every request.
_ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_MANIFEST_LIST}, {DOCKER_MANIFEST}"


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """A manifest's exact bytes, and what they are; nobody has looked into them."""

    descriptor: Descriptor
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """The digest that a pushed manifest has; `subject` is what the registry says that it now refers to.

    (distribution-spec, "Pushing Manifests with Subject": a registry without the referrers API says nothing)
    """

    digest: Digest
    subject: Digest | None


async def resolve(transport: Transport, repository: RepositoryName, reference: Reference) -> Descriptor:
    """What a tag or digest names, without its bytes where the registry tells enough of them.

    Raises:
        ManifestNotFound, RepositoryNotFound: it names nothing.
    """
    try:
        answer = await transport.fetch(_request("HEAD", transport, repository, reference), {200})
    except Unsupported:
        return (await fetch(transport, repository, reference)).descriptor
    digest, size = answer.told_digest(), answer.told_size()
    if digest is None or size is None or "Content-Type" not in answer.headers:
        return (await fetch(transport, repository, reference)).descriptor
    if isinstance(reference, Digest) and digest != reference:
        raise DigestMismatch(reference, digest)
    return Descriptor(_media_type(answer), digest, size)


async def fetch(transport: Transport, repository: RepositoryName, reference: Reference) -> FetchedManifest:
    """The manifest that a tag or digest names; its digest is that of its bytes, whatever the registry says.

    Raises:
        ManifestNotFound, RepositoryNotFound: it names nothing.
        DigestMismatch: the bytes are not those of the digest that was asked for, or that the registry tells.
        TooLarge: it is larger than manifests may be.
    """
    request = _request("GET", transport, repository, reference)
    answer = await transport.fetch(request, {200}, limit=limits.MANIFEST_BYTES)
    expected = reference if isinstance(reference, Digest) else answer.told_digest()
    actual = await digest_of(answer.body, "sha256" if expected is None else expected.algorithm)
    if expected is not None and actual != expected:
        raise DigestMismatch(expected, actual)
    return FetchedManifest(Descriptor(_media_type(answer), actual, len(answer.body)), answer.body)


async def push(
    transport: Transport, repository: RepositoryName, reference: Reference, content: bytes, *, media_type: str
) -> PushedManifest:
    """Store a manifest under a tag or its digest; doing it again changes nothing.

    Raises:
        Refused: the registry will not have it; `MANIFEST_BLOB_UNKNOWN` is its code where a blob must come first.
        DigestMismatch: the registry stored other bytes.
    """
    request = Request(
        "PUT",
        _url(transport, repository, reference),
        to_push(repository),
        {"Content-Type": media_type},
        Body(BytesSource(content), 0, len(content)),
        patience_s=limits.COMMIT_S,
    )
    answer = await transport.fetch(request, {200, 201, 202})
    told = answer.told_digest()
    actual = await digest_of(content, _algorithm(reference, told))
    if told is not None and told != actual:
        raise DigestMismatch(actual, told)
    return PushedManifest(actual, answer.told_digest("OCI-Subject"))


def _algorithm(reference: Reference, told: Digest | None) -> str:
    if isinstance(reference, Digest):
        return reference.algorithm
    return "sha256" if told is None else told.algorithm


def _media_type(answer: Answer) -> str:
    try:
        return parse_content_type(answer.headers.get("Content-Type", ""))
    except MediaTypeInvalid as error:
        raise AnswerInvalid(f"the answer does not say what a manifest it is: {error}") from error


def _request(method: str, transport: Transport, repository: RepositoryName, reference: Reference) -> Request:
    url = _url(transport, repository, reference)
    return Request(method, url, to_pull(repository), {"Accept": _ACCEPT}, not_found=ManifestNotFound)


def _url(transport: Transport, repository: RepositoryName, reference: Reference) -> URL:
    return transport.origin.url(f"/v2/{repository}/manifests/{reference}")
