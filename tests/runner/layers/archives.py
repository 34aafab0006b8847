"""Archives as no archiver would write them, header by header."""

import io
from pathlib import Path

from runner.layers.blocks import BLOCK, padding
from runner.layers.extraction import Unpacked, unpack
from runner.layers.whiteouts import OverlayWhiteouts, PlainWhiteouts, Whiteouts
from runner.limits import LayerLimits
from tests.runner.layers.trees import open_directory

END = bytes(2 * BLOCK)


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: int = 0,
    link: bytes = b"",
    mode: int = 0o644,
    device: tuple[int, int] = (0, 0),
    uid: bytes = b"0000000\0",
    mtime: bytes = b"00000000000\0",
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """One block, with a checksum that fits."""
    block = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0" % mode,
            uid,
            b"0000000\0",
            b"%011o\0" % size,
            mtime,
            b" " * 8,
            kind,
            link.ljust(100, b"\0"),
            magic,
            bytes(64),
            b"%07o\0%07o\0" % device,
        )
    ).ljust(BLOCK, b"\0")
    return with_checksum(block)


def with_checksum(block: bytes) -> bytes:
    blank = block[:148] + b" " * 8 + block[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def file(name: bytes, content: bytes = b"", *, mode: int = 0o644) -> bytes:
    return header(name, size=len(content), mode=mode) + padded(content)


def directory(name: bytes, *, mode: int = 0o755) -> bytes:
    return header(name, b"5", mode=mode)


def symlink(name: bytes, target: bytes) -> bytes:
    return header(name, b"2", link=target)


def hard_link(name: bytes, target: bytes) -> bytes:
    return header(name, b"1", link=target)


def extended(records: dict[bytes, bytes], kind: bytes = b"x") -> bytes:
    content = b"".join(record(keyword, value) for keyword, value in records.items())
    return header(b"pax", kind, size=len(content)) + padded(content)


def record(keyword: bytes, value: bytes) -> bytes:
    rest = b" " + keyword + b"=" + value + b"\n"
    length = len(rest) + 1
    while length != len(str(length)) + len(rest):
        length += 1
    return str(length).encode() + rest


def padded(content: bytes) -> bytes:
    return content + bytes(padding(len(content)))


def unpack_plain(root: Path, *parts: bytes, limits: LayerLimits | None = None) -> Unpacked:
    return _unpack(root, PlainWhiteouts(), parts, limits)


def unpack_overlay(root: Path, *parts: bytes) -> Unpacked:
    return _unpack(root, OverlayWhiteouts(), parts, None)


def _unpack(root: Path, whiteouts: Whiteouts, parts: tuple[bytes, ...], limits: LayerLimits | None) -> Unpacked:
    with open_directory(root) as descriptor:
        return unpack(io.BytesIO(b"".join(parts) + END), descriptor, whiteouts, limits)
