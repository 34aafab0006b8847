"""Names and passwords from a file of Apache's `htpasswd -B`, read again when it changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import bcrypt

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.passwords import encoded
from registry.errors import AccountNameInvalid, DirectoryUnavailable, TooManyRequests
from storage_backends.threads import BlockingPool

SOURCE: Final = "htpasswd"

_HASH: Final = re.compile(r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}")
# What bcrypt takes of a password; `htpasswd` cuts off the rest without a word, this library refuses it.
_BCRYPT_BYTES: Final = 72
_LEAST_COST: Final = 4


class HtpasswdInvalid(Exception):
    """A file that is none of `htpasswd -B`; says in which line. No password or hash is in it."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True)
class Entries:
    """The hash of each name, and the greatest cost of any: what proving a name that is not there costs."""

    hashes: Mapping[AccountName, str]
    cost: int


class Htpasswd:
    """Proves what stands in the file at `path`; belongs to one event loop, and is closed by whoever made it.

    A file that cannot be read, or not as a whole, proves nobody: an older state of it might know whom it does not.
    """

    def __init__(self, path: Path) -> None:
        self._file = _File(path)
        self._pool = BlockingPool(limits.PASSWORD_THREADS, SOURCE)
        self._in_hand = 0

    async def prove(self, name: AccountName, password: str) -> Identity | None:
        """See `Authenticator.prove`."""
        raw = encoded(password)
        if name.is_robot or raw is None or b"\0" in raw:
            return None
        if self._in_hand >= limits.PASSWORDS_WAITING:
            raise TooManyRequests(1)
        self._in_hand += 1
        try:
            is_right = await self._pool.run(_matches, self._file, name, raw[:_BCRYPT_BYTES])
        except (OSError, HtpasswdInvalid) as error:
            raise DirectoryUnavailable(str(error)) from error
        finally:
            self._in_hand -= 1
        return Identity(name, SOURCE, str(name)) if is_right else None

    async def close(self) -> None:
        """End the threads after the work that was begun."""
        await self._pool.close()


def read(path: Path) -> Entries:
    """What the file at `path` says; blocks.

    Raises:
        HtpasswdInvalid: it is too large, or one of its lines is no name with a bcrypt hash.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(limits.HTPASSWD_BYTES + 1)
    if len(content) > limits.HTPASSWD_BYTES:
        raise HtpasswdInvalid(path, f"it is larger than {limits.HTPASSWD_BYTES} bytes")
    hashes: dict[AccountName, str] = {}
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, hashed = _entry(line)
        except ValueError as error:
            raise HtpasswdInvalid(path, f"line {number}: {error}") from None
        # As Apache does: the first line of a name counts.
        hashes.setdefault(name, hashed)
    return Entries(hashes, max((_cost(hashed) for hashed in hashes.values()), default=_LEAST_COST))


class _File:
    """The entries of a file as it is now; for any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._read: tuple[tuple[int, int, int], Entries] | None = None

    def entries(self) -> Entries:
        with self._lock:
            # Taken before it is read: what is written meanwhile is seen the next time.
            status = self._path.stat()
            version = status.st_mtime_ns, status.st_size, status.st_ino
            if self._read is None or self._read[0] != version:
                self._read = version, read(self._path)
            return self._read[1]


def _entry(line: str) -> tuple[AccountName, str]:
    name, _, hashed = line.strip().partition(":")
    try:
        parsed = AccountName.parse(name)
    except AccountNameInvalid:
        raise ValueError("no account can have this name") from None
    if not _HASH.fullmatch(hashed):
        raise ValueError("only bcrypt hashes are taken; make them with `htpasswd -B`")
    if not _LEAST_COST <= _cost(hashed) <= limits.HTPASSWD_COST_MAX:
        raise ValueError(f"the cost of a hash must be from {_LEAST_COST} to {limits.HTPASSWD_COST_MAX}")
    return parsed, hashed


def _cost(hashed: str) -> int:
    return int(hashed.split("$")[2])


def _matches(file: _File, name: AccountName, password: bytes) -> bool:
    entries = file.entries()
    hashed = entries.hashes.get(name)
    if hashed is None:
        # As much work as for a name that is there, and never right.
        bcrypt.hashpw(password, bcrypt.gensalt(entries.cost))
        return False
    return bcrypt.checkpw(password, hashed.encode())
