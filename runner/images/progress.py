"""How far a transfer of an image has come."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from oci_spec.digest import Digest


class Stage(StrEnum):
    """What is being done with a layer, in docker's words."""

    PENDING = "Pulling fs layer"
    WAITING = "Waiting"
    DOWNLOADING = "Downloading"
    DOWNLOADED = "Download complete"
    EXTRACTING = "Extracting"
    PULLED = "Pull complete"
    EXISTS = "Already exists"
    PREPARING = "Preparing"
    PUSHING = "Pushing"
    PUSHED = "Pushed"
    PRESENT = "Layer already exists"
    MOUNTED = "Mounted from"


class Watcher(Protocol):
    """Who wants to know; called on the event loop, so it must be quick."""

    def said(self, text: str) -> None:
        """Something about the whole."""

    def stage(self, digest: Digest, stage: Stage, detail: str = "") -> None:
        """A layer's next stage."""

    def advanced(self, digest: Digest, done: int, total: int | None) -> None:
        """So many bytes of a layer have been transferred."""


class Nobody:
    """Wants to know nothing."""

    def said(self, text: str) -> None:
        pass

    def stage(self, digest: Digest, stage: Stage, detail: str = "") -> None:
        pass

    def advanced(self, digest: Digest, done: int, total: int | None) -> None:
        pass
