"""What a kernel begins with: an archive of files in memory (its documentation, "initramfs buffer format")."""

import stat
from pathlib import Path

# In this order, for nothing here knows what needs what.
MODULES = (
    "drivers/virtio/virtio_ring", "drivers/virtio/virtio", "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev", "drivers/virtio/virtio_pci", "fs/fuse/fuse", "fs/fuse/virtiofs",
    "fs/overlayfs/overlay", "drivers/block/virtio_blk",
)  # fmt: skip
FOLDERS = ("bin", "dev", "host", "memory", "modules", "proc", "root", "sys")


def initramfs(init: Path, busybox: Path, modules: Path) -> bytes:
    """A first root file system: a script, what executes it, and the drivers that it needs to come to another root."""
    files = [modules / "kernel" / f"{name}.ko" for name in MODULES]
    order = "".join(f"{file.name}\n" for file in files)
    entries = [
        *(_entry(name, stat.S_IFDIR | 0o755) for name in FOLDERS),
        _entry("init", stat.S_IFREG | 0o755, init.read_bytes()),
        _entry("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()),
        *(_entry(f"modules/{file.name}", stat.S_IFREG | 0o644, file.read_bytes()) for file in files),
        _entry("modules/order", stat.S_IFREG | 0o644, order.encode()),
        _entry("TRAILER!!!", 0),
    ]
    return b"".join(entries)


def _entry(name: str, mode: int, content: bytes = b"") -> bytes:
    inode = user = group = time = major = minor = checksum = 0
    fields = (inode, mode, user, group, 1, time, len(content), major, minor, major, minor, len(name) + 1, checksum)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
