"""A running hash that can be put away and taken up again, in another process or on another machine.

The exported state is what FIPS 180-4 calls the intermediate hash value, the number of bits so far, and the bytes that
do not fill a block yet. All numbers are big-endian:

    version         1 byte    1
    algorithm       1 byte    1 for sha256, 2 for sha512
    hash value      8 words of 4 (sha256) or 8 (sha512) bytes
    bits            8 bytes
    tail            as many bytes as the number of bits leaves beyond full blocks

Whoever can alter a state can make other bytes pass for a digest: its keeper authenticates it.
"""

from __future__ import annotations

import hashlib
import struct
from abc import ABC, abstractmethod
from typing import Any, Self

from oci_spec.digest import Digest
from storage_backends.errors import HashStateUnusable
from storage_backends.libcrypto import Buffer, ShaFunctions, sha_functions

_VERSION = 1
_CODES = {"sha256": 1, "sha512": 2}
_HEADERS = {"sha256": struct.Struct(">BB8IQ"), "sha512": struct.Struct(">BB8QQ")}
# libcrypto counts bits in two words of the algorithm's own width.
_COUNT_WORDS = {"sha256": 1 << 32, "sha512": 1 << 64}


def resumed_hash(algorithm: str, size: int, state: bytes) -> RunningHash | None:
    """The hash of an upload's first `size` bytes; None where they must be read again to know it."""
    if size == 0:
        return running_hash(algorithm)
    try:
        running = restored_hash(algorithm, state)
    except HashStateUnusable:
        return None
    return running if running.size == size else None


class RunningHash(ABC):
    """A hash of `algorithm` over the bytes given so far, `size` of them; used by one thread at a time."""

    __slots__ = ("algorithm", "size")

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.size = 0

    @abstractmethod
    def update(self, buffer: Buffer) -> None:
        """Hash what follows, with the GIL released."""

    @abstractmethod
    def digest(self) -> Digest:
        """The digest of the bytes so far; the hash can go on."""

    @abstractmethod
    def export(self) -> bytes:
        """The state for `restored_hash`; empty where it cannot be had."""


def running_hash(algorithm: str) -> RunningHash:
    """A hash that has seen no bytes; `algorithm` is `sha256` or `sha512`."""
    functions = sha_functions(algorithm)
    return PlainHash(algorithm) if functions is None else ResumableHash(algorithm, functions)


def restored_hash(algorithm: str, state: bytes) -> RunningHash:
    """The hash whose `export` gave `state`.

    Raises:
        HashStateUnusable: it is no such state, or this process has no libcrypto to take it up with.
    """
    functions = sha_functions(algorithm)
    if functions is None:
        raise HashStateUnusable("libcrypto is not at hand")
    return ResumableHash.restore(algorithm, functions, state)


class ResumableHash(RunningHash):
    """The usual RunningHash, on libcrypto's `functions`."""

    __slots__ = ("_context", "_functions")

    def __init__(self, algorithm: str, functions: ShaFunctions) -> None:
        super().__init__(algorithm)
        self._functions = functions
        self._context: Any = functions.new_context()

    @classmethod
    def restore(cls, algorithm: str, functions: ShaFunctions, state: bytes) -> Self:
        """The hash whose `export` gave `state`.

        Raises:
            HashStateUnusable: it is no such state.
        """
        header = _HEADERS[algorithm]
        if len(state) < header.size:
            raise HashStateUnusable(f"{len(state)} bytes are too few")
        version, code, *chaining, bits = header.unpack_from(state)
        if (version, code) != (_VERSION, _CODES[algorithm]):
            raise HashStateUnusable(f"version {version} of algorithm {code} is not {algorithm}'s")
        running, tail = cls(algorithm, functions), state[header.size :]
        context = running._context
        running.size, odd_bits = divmod(bits, 8)
        if odd_bits or len(tail) != running.size % len(context.block):
            raise HashStateUnusable(f"{bits} bits do not leave {len(tail)} bytes over")
        context.chaining[:] = chaining
        context.count_high, context.count_low = divmod(bits, _COUNT_WORDS[algorithm])
        context.block[: len(tail)] = tail
        context.block_used = len(tail)
        return running

    def update(self, buffer: Buffer) -> None:
        self.size += self._functions.update(self._context, buffer)

    def digest(self) -> Digest:
        return Digest.from_raw(self.algorithm, self._functions.digest(self._context))

    def export(self) -> bytes:
        context = self._context
        header = _HEADERS[self.algorithm].pack(_VERSION, _CODES[self.algorithm], *context.chaining, 8 * self.size)
        return header + bytes(context.block[: context.block_used])


class PlainHash(RunningHash):
    """What runs where libcrypto cannot be used: hashlib, which keeps its state to itself."""

    __slots__ = ("_hash",)

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithm)
        self._hash = hashlib.new(algorithm)

    def update(self, buffer: Buffer) -> None:
        self._hash.update(buffer)
        self.size += memoryview(buffer).nbytes

    def digest(self) -> Digest:
        return Digest.from_raw(self.algorithm, self._hash.digest())

    def export(self) -> bytes:
        return b""
