"""Holding one upload against everybody else: the seam between a store and what all its nodes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

from storage_backends.errors import UploadBusy


class UploadHolds(ABC):
    """Who holds which upload, in all processes and on all nodes."""

    @abstractmethod
    def hold(self, key: str) -> AbstractAsyncContextManager[None]:
        """Hold the upload `key` for as long as the block runs.

        Raises:
            UploadBusy: at once, when it is held elsewhere; and at the end, when the hold was lost meanwhile: then
                nothing that was done in the block may be told of as done.
            StorageUnavailable: it cannot be said who holds it.
        """


class NoHolds(UploadHolds):
    """For those who only read what is stored, and have nothing in common with the nodes: nobody gets to write."""

    def hold(self, key: str) -> AbstractAsyncContextManager[None]:
        raise UploadBusy(key)
