"""The program of `--init`: tini, which forwards signals and reaps what the container's program leaves behind.

It is the host's and is mounted into the container, so it has to need nothing of the image's: a static one.
"""

from __future__ import annotations

import os
import struct

from runner.bundles.errors import InitMissing

# docker-init is Docker's name for a static tini; the others are Debian's, podman's and those of other distributions.
PLACES = (
    "/usr/bin/docker-init", "/usr/bin/tini-static", "/usr/libexec/docker/docker-init", "/usr/local/bin/docker-init",
    "/usr/sbin/docker-init", "/usr/bin/tini", "/sbin/tini",
)  # fmt: skip
"""Where it is looked for, in this order."""

_PROGRAM_HEADER = 56
_INTERPRETED = 3


def find(places: tuple[str, ...] = PLACES) -> str:
    """Where the host has it.

    Raises:
        InitMissing: it has none that is static.
    """
    for place in places:
        if _is_static(place):
            return os.path.realpath(place)
    raise InitMissing


def _is_static(path: str) -> bool:
    """Whether it is an executable that names no loader (elf(5), PT_INTERP)."""
    try:
        with open(path, "rb") as file:
            header = file.read(64)
            if len(header) < 64 or header[:6] != b"\x7fELF\x02\x01":
                return False
            (offset,) = struct.unpack_from("<Q", header, 32)
            size, count = struct.unpack_from("<HH", header, 54)
            if size != _PROGRAM_HEADER:
                return False
            file.seek(offset)
            table = file.read(size * count)
    except OSError:
        return False
    kinds = [struct.unpack_from("<I", table, at)[0] for at in range(0, len(table) - size + 1, size)]
    return bool(kinds) and _INTERPRETED not in kinds
