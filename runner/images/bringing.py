"""Bringing layers into the store: received, verified and unpacked in one pass, beside each other and beside others.

A layer is unpacked while it still arrives: its bytes go to a file, which an unpacking process reads as it grows. What
has come of an interrupted transfer is gone on with. Two processes that bring the same never do it twice: who finds a
layer or a blob locked waits until it is there, or until its owner has given up or died.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from oci_spec.digest import Digest
from registry_client.errors import DigestMismatch
from runner.images.errors import LayerNotUnpacked
from runner.images.progress import Stage, Watcher
from runner.images.workers import Arrival, UnpackedLayer, Workers
from runner.limits import DOWNLOADS
from runner.store import blobs, layers, staging
from runner.store.blobs import Partial
from runner.store.folders import Store
from runner.store.staging import StagedLayer

_WAIT_S = 0.05
_HASHED_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WantedLayer:
    """A layer of an image: its blob, of `size` bytes, and what is to come out of it."""

    digest: Digest
    size: int
    diff_id: Digest
    chain_id: Digest


class LayerSource(Protocol):
    """Where the bytes of layers come from."""

    def blocks(self, layer: WantedLayer, start: int) -> AsyncGenerator[bytes]:
        """The blob's bytes from `start` on, which nobody has verified."""


class Bringing:
    """Brings layers from `source` into the store. The caller holds a lease on them."""

    def __init__(self, store: Store, source: LayerSource, workers: Workers, watcher: Watcher) -> None:
        self._store = store
        self._source = source
        self._workers = workers
        self._watcher = watcher
        self._downloads = asyncio.Semaphore(DOWNLOADS)

    async def bring(self, layer: WantedLayer) -> None:
        """See that the layer's blob and what it holds are in the store.

        Raises:
            LayerNotUnpacked: it is not the layer that it should be, or the disk did not take it.
            RegistryClientError: the source failed.
            OSError: the disk failed.
        """
        if self._is_there(layer):
            self._watcher.stage(layer.digest, Stage.EXISTS)
            return
        self._watcher.stage(layer.digest, Stage.PENDING)
        staged = await self._free(
            layer, lambda: staging.claim(self._store, layer.chain_id), lambda: layers.has(self._store, layer.chain_id)
        )
        if staged is None:
            await self._bring_blob(layer)
        else:
            with _closing(staged):
                try:
                    await self._bring_both(layer, staged)
                except BaseException:
                    staged.discard()
                    raise
        self._watcher.stage(layer.digest, Stage.PULLED)

    def _is_there(self, layer: WantedLayer) -> bool:
        return layers.has(self._store, layer.chain_id) and blobs.has(self._store, layer.digest)

    async def _bring_blob(self, layer: WantedLayer) -> None:
        """Only the blob: somebody has unpacked the same from another one."""
        while (partial := await self._partial(layer)) is not None:
            resumed = partial.size > 0
            with _closing(partial):
                await self._download(layer, partial, Arrival(partial.size))
                found = await asyncio.to_thread(_hashed, partial, layer.digest.algorithm)
                if found == layer.digest:
                    partial.commit()
                    return
                partial.discard()
                if not resumed:
                    raise DigestMismatch(layer.digest, found)

    async def _bring_both(self, layer: WantedLayer, staged: StagedLayer) -> None:
        while True:
            partial = await self._partial(layer)
            # What others began, or came before a power cut, may be spoilt: then all of it is had anew, once.
            suspect = partial is None or partial.size > 0
            with nullcontext() if partial is None else _closing(partial):
                try:
                    staged.clear()
                    unpacked = await self._unpack(layer, staged, partial)
                except LayerNotUnpacked as error:
                    if error.of_content:
                        self._drop(layer, partial)
                    if not error.of_content or not suspect:
                        raise
                else:
                    if partial is not None:
                        partial.commit()
                    staged.commit(layer.diff_id, unpacked.size)
                    return

    async def _unpack(self, layer: WantedLayer, staged: StagedLayer, partial: Partial | None) -> UnpackedLayer:
        """Unpack the blob, from what is there of it and what still comes."""
        if partial is None:
            self._watcher.stage(layer.digest, Stage.EXTRACTING)
            arrival = Arrival(blobs.size(self._store, layer.digest), ended=True)
            with _opened(self._store.blob(layer.digest)) as file:
                return await self._unpacked(layer, staged, file, arrival)
        arrival = Arrival(partial.size)
        downloading = asyncio.create_task(self._arrive(layer, partial, arrival))
        try:
            with _opened(f"/proc/self/fd/{partial.descriptor}") as file:
                return await self._unpacked(layer, staged, file, arrival)
        finally:
            downloading.cancel()
            # What it failed with, `arrival` has passed on.
            with suppress(asyncio.CancelledError):
                await downloading

    async def _unpacked(self, layer: WantedLayer, staged: StagedLayer, file: int, arrival: Arrival) -> UnpackedLayer:
        return await self._workers.unpack(
            layer.digest, layer.diff_id, layer=staged.descriptor, blob=file, arrival=arrival
        )

    async def _arrive(self, layer: WantedLayer, partial: Partial, arrival: Arrival) -> None:
        try:
            await self._download(layer, partial, arrival)
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits for the bytes is to be told
            arrival.fail(error)

    async def _download(self, layer: WantedLayer, partial: Partial, arrival: Arrival) -> None:
        if partial.size > layer.size:
            partial.restart()
        if partial.size < layer.size:
            async with self._downloads:
                await self._receive(layer, partial, arrival)
        arrival.advance(partial.size)
        arrival.end()
        self._watcher.stage(layer.digest, Stage.EXTRACTING)

    async def _receive(self, layer: WantedLayer, partial: Partial, arrival: Arrival) -> None:
        self._watcher.stage(layer.digest, Stage.DOWNLOADING)
        async with aclosing(self._source.blocks(layer, partial.size)) as blocks:
            async for block in blocks:
                # Not in a thread, which a cancellation would leave behind with a closed file; the cache is quick.
                partial.append(block)
                arrival.advance(partial.size)
                self._watcher.advanced(layer.digest, partial.size, layer.size)
        self._watcher.stage(layer.digest, Stage.DOWNLOADED)

    async def _partial(self, layer: WantedLayer) -> Partial | None:
        """What has come of the blob, to go on with; None if it is there already."""
        return await self._free(
            layer, lambda: blobs.claim(self._store, layer.digest), lambda: blobs.has(self._store, layer.digest)
        )

    async def _free(
        self, layer: WantedLayer, claim: Callable[[], _Claimed | None], is_done: Callable[[], bool]
    ) -> _Claimed | None:
        """What `claim` gives as soon as nobody else has it; None once it is not needed any more."""
        while not is_done():
            claimed = claim()
            if claimed is None:
                self._watcher.stage(layer.digest, Stage.WAITING)
                await asyncio.sleep(_WAIT_S)
            elif is_done():
                with _closing(claimed):
                    claimed.discard()
            else:
                return claimed
        return None

    def _drop(self, layer: WantedLayer, partial: Partial | None) -> None:
        if partial is None:
            os.unlink(self._store.blob(layer.digest))  # noqa: PTH108 - the store's paths are texts
        else:
            partial.discard()


class _Owned(Protocol):
    def discard(self) -> None: ...
    def close(self) -> None: ...


_Claimed = TypeVar("_Claimed", bound=_Owned)


@contextmanager
def _closing(owned: _Owned) -> Iterator[None]:
    try:
        yield
    finally:
        owned.close()


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _hashed(partial: Partial, algorithm: str) -> Digest:
    running = hashlib.new(algorithm)
    at = 0
    while block := os.pread(partial.descriptor, _HASHED_BYTES, at):
        running.update(block)
        at += len(block)
    return Digest(algorithm, running.digest())
