"""Registries on a machine that does much else: what is told as busy is a fault of theirs, and not that it is slow."""

from __future__ import annotations

_POSTGRESQL = """\
from registry.metadata import connecting, postgresql_engine, postgresql_rows
connecting._ANSWER_S = postgresql_engine._CONNECTION_WAIT_S = postgresql_rows._WAIT_S = 300.0
"""
_SQLITE = """\
from registry.metadata import sqlite_connections
sqlite_connections.BUSY_TIMEOUT_S = 300.0
"""

UNHURRIED = ("limits.header_s=300", "limits.stall_s=300")
"""Settings by which clients that come late with what they have to say are waited for."""


def patient(database_url: str) -> str:
    """What makes of a registry's process one that waits for its database as long as a test may take."""
    return _POSTGRESQL if database_url.startswith("postgresql:") else _SQLITE
