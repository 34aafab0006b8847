"""Image configurations, read from the store to tell people what is in an image: bounded, and several at a time.

Nothing here fails: what cannot be read, or is no image configuration, is left out, because what an image is called,
weighs and consists of can be told without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.errors import ImageConfigInvalid
from oci_spec.image_config import ImageConfig, parse_image_config
from registry import limits
from registry.metadata.content_cache import ContentCache
from registry.metadata.platforms import decode_platform, encode_platform
from registry.metadata.rows import LinkedBlob
from registry.services.manifest_tree import is_unknown
from storage_backends.contract import BlobStore
from storage_backends.errors import StorageError

# Kept for a blob that is known to name none; not an empty text, because the cache is bounded by the texts' length.
_NO_PLATFORM = Platform("", "")


class ImageConfigs:
    """Reads image configurations for one process and keeps their platforms, which every list of tags asks for.

    What a digest names never changes, so what is kept needs no invalidation. Whoever asks gives blobs that were just
    found linked in the repository in question: the cache answers no question about what a repository holds.
    """

    def __init__(self) -> None:
        self._platforms = ContentCache(limits.PLATFORM_CACHE_BYTES)
        self._reads = asyncio.Semaphore(limits.IMAGE_CONFIG_READS)

    async def read(self, store: BlobStore, blobs: Iterable[LinkedBlob]) -> dict[Digest, ImageConfig]:
        """The configurations that `blobs` are, the first of them up to `DESCRIBED_CONFIG_BYTES` together."""
        affordable = list(_affordable(blobs, limits.DESCRIBED_CONFIG_BYTES))
        configs = await asyncio.gather(*(self._read(store, blob) for blob in affordable))
        return {blob.digest: config for blob, config in zip(affordable, configs, strict=True) if config is not None}

    async def platforms(self, store: BlobStore, blobs: Collection[LinkedBlob]) -> dict[Digest, Platform]:
        """The platforms of the images whose configurations `blobs` are."""
        kept = {blob.digest: self._platforms.get(blob.digest) for blob in blobs}
        unknown = (blob for blob in blobs if kept[blob.digest] is None)
        affordable = list(_affordable(unknown, limits.LISTED_CONFIG_BYTES))
        read = await asyncio.gather(*(self._platform(store, blob) for blob in affordable))
        kept.update(zip((blob.digest for blob in affordable), read, strict=True))
        found = {digest: decode_platform(text.decode()) for digest, text in kept.items() if text is not None}
        return {digest: platform for digest, platform in found.items() if platform not in {None, _NO_PLATFORM}}

    async def _platform(self, store: BlobStore, blob: LinkedBlob) -> bytes | None:
        """The platform as it is kept; None when the blob could not be read this time."""
        try:
            platform = platform_of(await self._parsed(store, blob)) or _NO_PLATFORM
        except StorageError:
            return None
        text = _encoded(platform)
        if len(text) > limits.PLATFORM_CHARACTERS:
            text = _encoded(_NO_PLATFORM)
        self._platforms.put(blob.digest, text)
        return text

    async def _read(self, store: BlobStore, blob: LinkedBlob) -> ImageConfig | None:
        try:
            return await self._parsed(store, blob)
        except StorageError:
            return None

    async def _parsed(self, store: BlobStore, blob: LinkedBlob) -> ImageConfig | None:
        async with self._reads:
            # Small ones need no thread, so nothing else would let others run between one and the next of a thousand.
            await asyncio.sleep(0)
            content = store.read_cached(blob.key, blob.size)
            if content is None:
                async with await store.open(blob.key) as reader:
                    content = b"".join([chunk async for chunk in reader.chunks(0, reader.size)])
            if len(content) <= limits.INLINE_BLOB_BYTES:
                return _parse(content)
            # Milliseconds, which the event loop has not.
            return await asyncio.to_thread(_parse, content)


def platform_of(config: ImageConfig | None) -> Platform | None:
    """The platform that an image's configuration names, None when it names none, or says that it does not run."""
    if config is None or not (config.platform.os or config.platform.architecture) or is_unknown(config.platform):
        return None
    return config.platform


def _affordable(blobs: Iterable[LinkedBlob], room: int) -> Iterator[LinkedBlob]:
    """Each blob once, those that are too large left out, until `room` bytes are used up."""
    seen: set[Digest] = set()
    for blob in blobs:
        if blob.digest in seen or blob.size > min(room, limits.IMAGE_CONFIG_BYTES):
            continue
        seen.add(blob.digest)
        room -= blob.size
        yield blob


def _encoded(platform: Platform) -> bytes:
    text = encode_platform(platform)
    assert text is not None
    return text.encode()


def _parse(content: bytes) -> ImageConfig | None:
    try:
        return parse_image_config(content)
    except ImageConfigInvalid:
        return None
