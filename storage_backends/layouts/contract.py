"""Image layouts as places to read from and to write to, be they folders or archives.

What is in them is told by `oci_spec.image_layout`; what is read may have been written by anybody.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from oci_spec.digest import Digest
from oci_spec.image_layout import LayoutEntry


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive: its name without `./` before it, its size in bytes, and whether it is a plain file."""

    name: str
    size: int
    is_file: bool


class LayoutReader(ABC):
    """A layout to read from, whose files do not change meanwhile.

    Every method raises ImageLayoutInvalid for a file that no layout may have (a link, a device, one that is cut short),
    and OSError when the files cannot be read.
    """

    @abstractmethod
    async def file(self, name: str, limit: int) -> bytes | None:
        """The content of the file `name` at the layout's root; None if there is none.

        Raises:
            ImageLayoutInvalid: it has more than `limit` bytes.
        """

    @abstractmethod
    async def size(self, digest: Digest) -> int | None:
        """The size in bytes of what is said to be the content of `digest`; None if there is none."""

    @abstractmethod
    def chunks(self, digest: Digest) -> AsyncIterator[bytes]:
        """The bytes that are said to be the content of `digest`, which is there, in blocks of up to 1 MiB.

        Nobody has compared them with the digest.
        """


class LayoutWriter(ABC):
    """A layout to write to; it is one only after `finish`. Used by one task.

    Every method raises OSError when the files cannot be written.
    """

    @abstractmethod
    async def holds(self, digest: Digest, size: int) -> bool:
        """Whether the content of `digest` is there in full."""

    @abstractmethod
    async def put(self, digest: Digest, size: int, chunks: AsyncIterator[bytes]) -> None:
        """Write the content of `digest`, which is not there yet; `size` is in bytes. What `chunks` raises goes through.

        Raises:
            DigestMismatch: the bytes have another digest, or are more or fewer; nothing is under its name.
        """

    @abstractmethod
    async def finish(self, entries: Sequence[LayoutEntry]) -> None:
        """Name what is in the layout. When this returns, all of it is on the disk.

        Raises:
            ImageLayoutInvalid: what was there before is not a layout.
        """
