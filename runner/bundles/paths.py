"""Paths of a container, as texts: what they lead to is for the kernel to say, inside the container's root."""

from __future__ import annotations


def clean(text: str) -> str:
    """The absolute path without `.`, `..` and doubled slashes; above the root is the root."""
    names: list[str] = []
    for name in text.split("/"):
        if name == "..":
            del names[-1:]
        elif name not in {"", "."}:
            names.append(name)
    return "/" + "/".join(names)
