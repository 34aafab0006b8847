"""What objects of a bucket are called, and which keys and names become part of that.

    <prefix>blobs/<two digits>/<blob key>        committed blobs, and blobs that multipart uploads will make
    <prefix>uploads/<upload key>/<tail name>     the last bytes of uploads, too few for a part
    <prefix>index/<name>                         index objects
    <prefix>probes/<name>                        what `probe` writes and removes

A blob's key is its upload's key and a suffix of the same form. One upload may be committed more than once, where the
process died that did it first and the client then went on in another way: the suffix keeps those apart. It is random
for a multipart upload, whose object is named when it begins, and the digest's first digits for what is put at once, so
that the same commit makes the same object.
"""

from __future__ import annotations

import re
import secrets

from oci_spec.digest import Digest
from storage_backends.errors import ObjectNameInvalid

_UPLOAD_KEY = re.compile(r"[0-9a-f]{32}")
_BLOB_KEY = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,254})*")
_NAME_SIZE = 1024
_SUFFIX_DIGITS = 32


class Layout:
    """The names below `prefix`, which is empty or ends with `/`."""

    __slots__ = ("blobs", "index", "probes", "uploads")

    def __init__(self, prefix: str) -> None:
        self.blobs = f"{prefix}blobs/"
        self.uploads = f"{prefix}uploads/"
        self.index = f"{prefix}index/"
        self.probes = f"{prefix}probes/"

    def blob(self, key: str) -> str:
        """The object of the blob `key`."""
        if _BLOB_KEY.fullmatch(key) is None:
            raise ObjectNameInvalid(key)
        return f"{self.blobs}{key[:2]}/{key}"

    def blobs_of(self, upload_key: str) -> str:
        """What the objects of all blobs begin with that were made of an upload."""
        return f"{self.blobs}{checked_upload_key(upload_key)[:2]}/{upload_key}."

    def tails(self, upload_key: str) -> str:
        """What the objects of an upload's tails begin with."""
        return f"{self.uploads}{checked_upload_key(upload_key)}/"

    def tail(self, upload_key: str, name: str) -> str:
        """The object of one tail."""
        return self.tails(upload_key) + name

    def object(self, name: str) -> str:
        """The object of an index object."""
        # S3 counts the prefix with the name.
        if len(self.index) + len(name) > _NAME_SIZE or _NAME.fullmatch(name) is None:
            raise ObjectNameInvalid(name)
        return self.index + name

    def objects_below(self, prefix: str) -> str:
        """What index objects begin with whose names begin with `prefix`."""
        if not prefix:
            return self.index
        if not prefix.endswith("/"):
            raise ObjectNameInvalid(prefix)
        return self.object(prefix[:-1]) + "/"

    def blob_key(self, object_name: str) -> str | None:
        """The key of the blob that is kept as `object_name`; None where that is no blob."""
        key = object_name.removeprefix(self.blobs)[3:]
        is_blob = _BLOB_KEY.fullmatch(key) is not None and object_name == self.blob(key)
        return key if is_blob else None

    def upload_key(self, object_name: str) -> str | None:
        """The key of the upload that an object of a tail belongs to; None where it is none."""
        key = object_name.removeprefix(self.uploads).partition("/")[0]
        is_tail = object_name.startswith(self.uploads) and _UPLOAD_KEY.fullmatch(key) is not None
        return key if is_tail else None


def new_upload_key() -> str:
    """A key that was never given out and cannot be guessed."""
    return secrets.token_hex(16)


def new_suffix() -> str:
    """What makes the key of a blob that no other commit will make."""
    return secrets.token_hex(_SUFFIX_DIGITS // 2)


def digest_suffix(digest: Digest) -> str:
    """What makes the key of a blob whose content is known when it is put."""
    return digest.encoded[:_SUFFIX_DIGITS]


def blob_key(upload_key: str, suffix: str) -> str:
    """The key of a blob made of the upload."""
    return f"{upload_key}.{suffix}"


def upload_key(key: str) -> str:
    """The key of the upload that the blob `key` was made of."""
    if _BLOB_KEY.fullmatch(key) is None:
        raise ObjectNameInvalid(key)
    return key.partition(".")[0]


def checked_upload_key(key: str) -> str:
    """The key itself, which could have come from `new_upload_key`."""
    if _UPLOAD_KEY.fullmatch(key) is None:
        raise ObjectNameInvalid(key)
    return key
