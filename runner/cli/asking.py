"""Asking before something is removed."""

from __future__ import annotations

import sys


def confirmed(warning: str) -> bool:
    """Whether the user, told this, wants it."""
    print(f"{warning}\nAre you sure you want to continue? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() == "y"
