"""Who logs in to the registry of the fixture `guarded`, and the headers with which they do."""

from __future__ import annotations

import base64

PASSWORD = "correct horse battery"
"""The password of everybody."""

ALICE, ROOT = "alice", "root"
"""A person, and an administrator."""


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    """The headers of a name and a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The headers of a token."""
    return {"Authorization": f"Bearer {token}"}
