"""Every bound on what an image can make the runner do, each with its reason. Sizes are bytes."""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

NAME_BYTES: Final = 255
"""Longest component of a name: what Linux's file systems take."""

PATH_BYTES: Final = 4095
"""Longest name of an entry and longest link target: what one system call takes."""

PATH_DEPTH: Final = 256
"""Most components of a name: each may be an open directory while trees are cleared; honest layers have less than 60."""

HEADER_BYTES: Final = 1 * MIB
"""Largest extended header, which is held in memory: names, numbers and attributes fit many times."""

SPARSE_SEGMENTS: Final = 65_536
"""Most pieces of a sparse file: they are held in memory, and an archiver seeks no finer than blocks."""

LEAST_HOLES: Final = 1 * MIB
"""Least bytes of holes for which a file is written as a sparse one: not every program reads those."""

XATTR_NAME_BYTES: Final = 255
"""Longest name of an extended attribute: what Linux takes."""

XATTR_VALUE_BYTES: Final = 64 * KIB
"""Largest value of an extended attribute: what Linux takes."""

TIME_S: Final = 1 << 40
"""The farthest time from 1970 that is taken; the kernel itself brings it into what its file system can keep."""

ZSTD_WINDOW_LOG: Final = 27
"""Largest window of a zstd layer, as a power of two: 128 MiB of memory, where `zstd --long` and other clients stop."""

OPEN_DIRECTORIES: Final = 64
"""Most directories kept open while a layer is unpacked: archivers write a tree in its order, so a few are enough."""

UNPACKING_PROCESSES: Final = 4
"""Most layers that are unpacked at the same time: beyond that the disk is what they wait for."""

DOWNLOADS: Final = 3
"""Most layers that are downloaded or uploaded at the same time, as docker does."""

CONFIG_BYTES: Final = 4 * MIB
"""Largest configuration of an image, which is held in memory: as large as manifests may be."""

LAYERS: Final = 500
"""Most layers of an image: overlayfs stacks no more."""

ARCHIVE_MEMBERS: Final = 100_000
"""Most members of an archive of images, which are held in memory: a thousand images have some 20,000."""

REGISTRIES_CONF_BYTES: Final = 1 * MIB
"""Largest file of this machine's registries configuration: some kilobytes are usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerLimits:
    """The bounds of one layer that a caller may narrow or widen."""

    entries: int = 4_000_000
    """Most headers in the archive: the largest honest layers have some 500,000, each costs the disk an inode."""

    size: int = 256 * GIB
    """Most bytes of all files, as long as they will read (holes included), and of the uncompressed stream."""

    expansion: int = 2000
    """Most uncompressed bytes for one compressed, once `expansion_free` have come: gzip cannot pass 1032."""

    expansion_free: int = 1 * GIB
    """Uncompressed bytes that any compression may yield: files of zeros are common, and honest."""
