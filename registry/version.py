"""Which version of the program this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version that is installed, or what to say where none is."""
    try:
        return metadata.version("moorage")
    except metadata.PackageNotFoundError:
        return "not installed, run from its sources"
