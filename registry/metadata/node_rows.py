"""Rows of what runs the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Installation:
    """Which installation the database belongs to, and whether its storage has been told."""

    identity: str
    made_at: datetime
    in_storage: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was when it was last `seen_at`; `name` is drawn at its start."""

    name: str
    host: str
    version: str
    url: str | None
    workers: int
    started_at: datetime
    seen_at: datetime
