"""Rows of what runs the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime


class Installation(msgspec.Struct, frozen=True):
    """Which installation the database belongs to, and whether its storage has been told."""

    identity: str
    made_at: datetime
    in_storage: bool


class Node(msgspec.Struct, frozen=True):
    """A node as it was when it was last `seen_at`; `name` is drawn at its start."""

    name: str
    host: str
    version: str
    url: str | None
    workers: int
    started_at: datetime
    seen_at: datetime
