"""What a registry of the CNCF's distribution (`registry:2`, `registry:3`, Debian's docker-registry) has stored.

    docker/registry/v2/
        blobs/<algorithm>/<two digits>/<hex>/data                               blobs and manifests
        repositories/<name>/_manifests/revisions/<algorithm>/<hex>/link         the manifests of a repository
        repositories/<name>/_manifests/tags/<tag>/current/link                  what a tag names
        repositories/<name>/_layers/…, _uploads/…                               not needed: manifests name their blobs

A link is a file that holds a digest. What is deleted there loses its link; the folders around it may stay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from oci_spec.digest import Digest
from oci_spec.errors import DigestInvalid
from storage_backends.distribution.contract import Tree

_ROOT = "docker/registry/v2"
# A sha512 digest has 135 characters.
_LINK_BYTES = 256


@dataclass(frozen=True, slots=True)
class TagLink:
    """A tag as it is written there, and what it names; None where that is no digest."""

    tag: str
    digest: Digest | None


class DistributionData:
    """The data of one registry; nothing of it is believed to be what its name says."""

    def __init__(self, tree: Tree) -> None:
        """Read from `tree`, whose root is that of the registry's storage, above `docker`."""
        self._tree = tree

    async def is_there(self) -> bool:
        """Whether there is such a registry's data."""
        return bool(await self._tree.names(_ROOT))

    async def repositories(self) -> AsyncIterator[str]:
        """The names of all folders that hold a repository's manifests, in order."""
        unread = [""]
        while unread:
            name = unread.pop()
            below = await self._tree.names(f"{_ROOT}/repositories/{name}".rstrip("/"))
            if "_manifests" in below:
                yield name
            inner = (part for part in below if not part.startswith("_"))
            unread += sorted((f"{name}/{part}".lstrip("/") for part in inner), reverse=True)

    async def revisions(self, repository: str) -> list[Digest]:
        """The digests of all manifests that the repository may have; `holds` says of each whether it does."""
        place = f"{_manifests(repository)}/revisions"
        found = []
        for algorithm in await self._tree.names(place):
            for encoded in await self._tree.names(f"{place}/{algorithm}"):
                try:
                    found.append(Digest.parse(f"{algorithm}:{encoded}"))
                except DigestInvalid:
                    continue
        return found

    async def holds(self, repository: str, digest: Digest) -> bool:
        """Whether the repository has a manifest of this digest."""
        link = f"{_manifests(repository)}/revisions/{digest.algorithm}/{digest.encoded}/link"
        return await self._linked(link) == digest

    async def tags(self, repository: str) -> AsyncIterator[TagLink]:
        """All tags of the repository, in order."""
        place = f"{_manifests(repository)}/tags"
        for tag in await self._tree.names(place):
            link = f"{place}/{tag}/current/link"
            if await self._tree.size(link) is not None:
                yield TagLink(tag, await self._linked(link))

    async def size(self, digest: Digest) -> int | None:
        """How many bytes are said to be the content of `digest`; None if there are none."""
        return await self._tree.size(_data(digest))

    async def content(self, digest: Digest, limit: int) -> bytes | None:
        """The first `limit` bytes of what is said to be the content of `digest`; None if there are none."""
        return await self._tree.content(_data(digest), limit)

    def chunks(self, digest: Digest) -> AsyncIterator[bytes]:
        """What is said to be the content of `digest`, in blocks of up to 1 MiB."""
        return self._tree.chunks(_data(digest))

    async def _linked(self, path: str) -> Digest | None:
        content = await self._tree.content(path, _LINK_BYTES)
        try:
            return None if content is None else Digest.parse(content.decode("ascii").strip())
        except (UnicodeDecodeError, DigestInvalid):
            return None


def _manifests(repository: str) -> str:
    return f"{_ROOT}/repositories/{repository}/_manifests"


def _data(digest: Digest) -> str:
    return f"{_ROOT}/blobs/{digest.algorithm}/{digest.encoded[:2]}/{digest.encoded}/data"
