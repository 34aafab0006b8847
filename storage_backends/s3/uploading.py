"""One upload on its way to S3: what is there already, what comes in, and what a later request can go on from."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace

from oci_spec.digest import Digest
from storage_backends.blocks import Blocks
from storage_backends.contract import UploadState
from storage_backends.errors import StorageError, UploadLost
from storage_backends.filling import FillingChunks
from storage_backends.hash_state import resumed_hash
from storage_backends.s3.bucket import Bucket
from storage_backends.s3.faults import translated
from storage_backends.s3.layout import blob_key, new_suffix
from storage_backends.s3.parts import Parts
from storage_backends.s3.progress import Progress, Tail
from storage_backends.s3.recovery import recover


class Upload:
    """An upload from a state onwards.

    S3 is asked nothing before it has to be. A failure leaves the state true with which this began: whoever sees one
    calls `drop`, and begins anew. That the state is `recorded` means that no earlier one will be gone on from.
    """

    def __init__(self, state: UploadState, bucket: Bucket, *, recorded: bool) -> None:
        self.key = state.key
        self.offset = state.offset
        self.progress = _progress(state)
        self._running = resumed_hash(state.algorithm, state.offset, state.hash_state)
        self._state = state
        self._bucket = bucket
        self._parts = Parts(bucket, len(self.progress.parts), multipart=self._multipart, new_tail=self._new_tail)
        self._is_loaded = not state.offset
        self._created: tuple[str, str] | None = None
        self._replaced = self.progress.replaced if recorded else None
        self._tails = [name for name in (self.progress.replaced, _name(self.progress.tail)) if name is not None]

    @property
    def has_parts(self) -> bool:
        """Whether there is a multipart upload, so that its completion makes the blob."""
        return self.progress.upload_id is not None

    @property
    def remainder(self) -> bytes | bytearray:
        """What is in memory behind the last part, once nothing more comes."""
        return b"" if self._parts.filling is None else self._parts.filling.content()

    def hash_state(self) -> bytes:
        """The hash state of all bytes up to `offset`; empty where it is not known."""
        return b"" if self._running is None else self._running.export()

    def digest(self, algorithm: str) -> Digest | None:
        """The digest of all bytes up to `offset`; None where only reading them can tell."""
        if self._running is None or self._running.algorithm != algorithm:
            return None
        return self._running.digest()

    async def take(self, chunks: FillingChunks) -> Exception | None:
        """Take all that buffers are filled with; what `chunks` raised in place of ending.

        Nobody waits in a thread for the network, nor with a turn for memory.
        """
        while True:
            self._parts.rest()
            try:
                if not await chunks.ready():
                    return None
            except Exception as error:  # noqa: BLE001 - whatever ends the chunks: what came before is kept, and it is raised on
                return error
            finally:
                await self._parts.wake()
            await self.resume()
            part = await self._parts.room()
            begin = part.size
            async with self._bucket.turns:
                await self._bucket.receiving.run(part.fill, chunks, self._running)
            self.offset += part.size - begin

    async def write(self, blocks: Blocks) -> Exception | None:
        """Take all blocks; what came in place of their end."""
        while not blocks.ended:
            self._parts.rest()
            try:
                block = await blocks.take()
            finally:
                await self._parts.wake()
            while block:
                await self.resume()
                part = await self._parts.room()
                begin = part.size
                await self._bucket.receiving.run(part.write, block, self._running)
                self.offset += part.size - begin
        return blocks.interruption

    async def keep(self) -> None:
        """See all bytes to S3, in a way that the upload can be gone on with from `progress`."""
        old, part = self.progress.tail, self._parts.filling
        tail = self._parts.aside
        if part is not None and part.size >= self._bucket.sizes.floor(self._parts.number):
            await self.send()
        elif part is not None and part.size:
            name, object_name = self._new_tail()
            await self._bucket.requests.run(self._bucket.objects.put, object_name, part.content())
            tail = Tail(name, part.size)
        await self.settle()
        self._parts.release()
        self.progress = replace(self.progress, tail=tail, replaced=_name(old))
        self._is_loaded = False
        self._created = None
        if self._replaced is not None:
            with suppress(StorageError), translated():
                await self._bucket.requests.run(self._bucket.objects.delete, self._tail(self._replaced))
            self._replaced = None

    async def resume(self) -> None:
        """Make sure that there is something to go on from, and have in memory what is behind the last part.

        Raises:
            UploadLost: bytes that the state vouches for are gone.
        """
        if self._is_loaded:
            return
        try:
            await self._require_multipart()
            await self.load()
        except UploadLost:
            found = await recover(self._bucket, self._state, self.progress)
            if found is None:
                raise
            self.progress, self._created = found.progress, found.created
            self._parts.release()
            if found.tail:
                (await self._parts.begin(len(found.tail))).add(found.tail)
            self._is_loaded = True

    async def load(self) -> None:
        """Have in memory what is behind the last part.

        Raises:
            UploadLost: it is gone.
        """
        if self._is_loaded:
            await self._parts.restore()
            return
        tail = self.progress.tail
        if tail is not None:
            part = await self._parts.begin(tail.size)
            with translated(absent=UploadLost(self.key)):
                content = await self._bucket.requests.run(self._bucket.objects.get, self._tail(tail.name))
            if len(content) != tail.size:
                raise UploadLost(self.key)
            part.add(content)
        self._is_loaded = True

    async def send(self) -> None:
        """Begin to send what is in memory as a part."""
        await self._parts.send()

    async def settle(self) -> None:
        """Wait for all parts that are being sent, and note them.

        Raises:
            UploadLost: there is no multipart upload to take them.
        """
        with translated(absent=UploadLost(self.key)):
            parts = await self._parts.settle()
        self.progress = replace(self.progress, parts=(*self.progress.parts, *parts))

    async def drop(self) -> None:
        """Give memory back; a multipart upload that nobody knows of is aborted."""
        await self._parts.drop()
        created, self._created = self._created, None
        if created is not None:
            with suppress(StorageError), translated():
                await self._bucket.requests.run(self._bucket.multiparts.abort, *created)

    async def abandon(self) -> None:
        """Give up all that would have become a blob, because there is one already."""
        await self.drop()
        suffix, upload_id = self.progress.suffix, self.progress.upload_id
        if suffix is not None and upload_id is not None:
            name = self._bucket.layout.blob(blob_key(self.key, suffix))
            await self._bucket.requests.run(self._bucket.multiparts.abort, name, upload_id)

    async def end(self) -> None:
        """Give memory back after the commit, and remove the tails: what is left of them is reaped some day."""
        self._parts.release()
        self._created = None
        if self._tails:
            with suppress(StorageError), translated():
                await self._bucket.requests.run(self._bucket.objects.delete, *map(self._tail, self._tails))
            self._tails = []

    async def _require_multipart(self) -> None:
        suffix, upload_id = self.progress.suffix, self.progress.upload_id
        if suffix is not None and upload_id is not None:
            name = self._bucket.layout.blob(blob_key(self.key, suffix))
            with translated(absent=UploadLost(self.key)):
                await self._bucket.requests.run(self._bucket.multiparts.require, name, upload_id)

    async def _multipart(self) -> tuple[str, str]:
        """The multipart upload, which begins when its first part is sent."""
        suffix, upload_id = self.progress.suffix, self.progress.upload_id
        if suffix is not None and upload_id is not None:
            return self._bucket.layout.blob(blob_key(self.key, suffix)), upload_id
        suffix = new_suffix()
        name = self._bucket.layout.blob(blob_key(self.key, suffix))
        upload_id = await self._bucket.requests.run(self._bucket.multiparts.create, name)
        self._created = name, upload_id
        self.progress = replace(self.progress, suffix=suffix, upload_id=upload_id)
        return name, upload_id

    def _new_tail(self) -> tuple[str, str]:
        name = secrets.token_hex(16)
        self._tails.append(name)
        return name, self._tail(name)

    def _tail(self, name: str) -> str:
        return self._bucket.layout.tail(self.key, name)


def _progress(state: UploadState) -> Progress:
    try:
        progress = Progress.decode(state.backend_state)
    except (ValueError, TypeError) as error:
        raise UploadLost(state.key) from error
    behind = 0 if progress.tail is None else progress.tail.size
    if progress.size + behind != state.offset:
        raise UploadLost(state.key)
    return progress


def _name(tail: Tail | None) -> str | None:
    return None if tail is None else tail.name
