"""Paths in a container and on the host, as flags write them. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

import os

from runner.bundles.paths import clean


def destination(text: str) -> str:
    """A place in the container, without `.`, `..` and doubled slashes. Above the root is the root, as everywhere."""
    if not text.startswith("/"):
        raise ValueError(f"invalid mount path: {text!r} mount path must be absolute")
    cleaned = clean(text)
    if cleaned == "/":
        raise ValueError("invalid specification: destination can't be '/'")
    return cleaned


def source(text: str) -> str:
    """A place on the host: absolute, or beginning with a dot and taken from the working directory."""
    if text.startswith("."):
        text = f"{os.getcwd()}/{text}"
    if not text.startswith("/"):
        raise ValueError(f"invalid mount path: {text!r} mount path must be absolute")
    return clean(text)
