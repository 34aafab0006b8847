"""The places where distribution registries keep their data, as a tree of small and large files to read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator


class Tree(ABC):
    """Files below one root, by paths with `/` between their parts; the registry that they are of may be running.

    Every method raises SourceUnreadable when the place cannot be asked, or what is there cannot be read.
    """

    @abstractmethod
    async def names(self, path: str) -> list[str]:
        """The names of all that stands directly below `path`, in order; none where there is nothing."""

    @abstractmethod
    async def content(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of the file at `path`; None if there is none."""

    @abstractmethod
    async def size(self, path: str) -> int | None:
        """How many bytes the file at `path` has; None if there is none."""

    @abstractmethod
    def chunks(self, path: str) -> AsyncIterator[bytes]:
        """The bytes of the file at `path`, in blocks of up to 1 MiB."""
