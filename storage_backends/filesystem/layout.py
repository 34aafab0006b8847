"""Where things stand below a filesystem store's root, and which keys and names may become paths.

    blobs/<algorithm>/<two digits>/<hex>.<size>.<upload key>   committed blobs
    uploads/<upload key>                                       bytes of uploads that are not committed
    uploads/.held                                              what sessions lock
    index/<name>                                               index objects
    tmp/                                                       index objects being written

A blob's key is its path below `blobs/`. Digest and size are in it for people to find blobs by, and for a rebuild to
know them by; keys of earlier versions have no size. Nothing becomes a path that does not match to its last character.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from oci_spec.digest import ALGORITHMS, Digest
from storage_backends.errors import ObjectNameInvalid

_UPLOAD_KEY = re.compile(r"[0-9a-f]{32}")
_SIZE = r"(?:\.(?:0|[1-9][0-9]{0,18}))?"
_BLOB_KEY = re.compile(
    "|".join(
        rf"{algorithm}/([0-9a-f]{{2}})/\{group}[0-9a-f]{{{2 * size - 2}}}{_SIZE}\.[0-9a-f]{{32}}"
        for group, (algorithm, size) in enumerate(ALGORITHMS.items(), start=1)
    )
)
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,254})*")
_NAME_SIZE = 1024


class Layout:
    """The paths below `root`."""

    __slots__ = ("blobs", "held", "index", "root", "tmp", "uploads")

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.uploads = root / "uploads"
        self.held = self.uploads / ".held"
        self.index = root / "index"
        self.tmp = root / "tmp"

    def folders(self) -> list[Path]:
        """The folders that must exist, parents first; those of blobs and index objects come with what they hold."""
        algorithms = [self.blobs / algorithm for algorithm in ALGORITHMS]
        return [self.root, self.blobs, self.uploads, self.index, self.tmp, *algorithms]

    def upload(self, key: str) -> Path:
        """The file of an upload."""
        if not is_upload_key(key):
            raise ObjectNameInvalid(key)
        return self.uploads / key

    def blob(self, key: str) -> Path:
        """The file of a committed blob."""
        if not is_blob_key(key):
            raise ObjectNameInvalid(key)
        return self.blobs / key

    def object(self, name: str) -> Path:
        """The file of an index object."""
        if len(name) > _NAME_SIZE or _NAME.fullmatch(name) is None:
            raise ObjectNameInvalid(name)
        return self.index / name

    def objects_below(self, prefix: str) -> Path:
        """The folder of the index objects whose names begin with `prefix`."""
        if not prefix:
            return self.index
        if not prefix.endswith("/"):
            raise ObjectNameInvalid(prefix)
        return self.object(prefix[:-1])

    def temporary(self) -> Path:
        """A file that no one else will use."""
        return self.tmp / secrets.token_hex(16)


def new_upload_key() -> str:
    """A key that was never given out and cannot be guessed."""
    return secrets.token_hex(16)


def blob_prefixes() -> list[str]:
    """What blobs' keys begin with, up to their last `/`."""
    return [f"{algorithm}/{number:02x}/" for algorithm in ALGORITHMS for number in range(256)]


def blob_key(digest: Digest, size: int, upload_key: str) -> str:
    """The key under which an upload is committed: always the same one, so that a commit can be repeated."""
    encoded = digest.encoded
    return f"{digest.algorithm}/{encoded[:2]}/{encoded}.{size}.{upload_key}"


def upload_key(blob_key: str) -> str:
    """The key of the upload that was committed under `blob_key`."""
    return blob_key.rpartition(".")[2]


def committed_digest(blob_key: str) -> Digest:
    """The digest in `blob_key`."""
    algorithm, _, name = blob_key.split("/")
    return Digest.parse(f"{algorithm}:{name.partition('.')[0]}")


def committed_size(blob_key: str) -> int | None:
    """The size in `blob_key`, None in one that has none."""
    _, *size, _ = blob_key.split(".")
    return int(size[0]) if size else None


def is_upload_key(text: str) -> bool:
    """Whether `text` could have come from `new_upload_key`."""
    return _UPLOAD_KEY.fullmatch(text) is not None


def is_blob_key(text: str) -> bool:
    """Whether `text` could have come from `blob_key`."""
    return _BLOB_KEY.fullmatch(text) is not None
