"""The SHA-2 functions of the libcrypto that Python itself uses, called so that their state can be read and set.

hashlib runs the same machine code at the same speed but keeps its state to itself. libcrypto's older functions work on
plain structs, whose layout (OpenSSL's <openssl/sha.h>) has not changed since 1.0; still, none is used before it has
shown, against hashlib, that it is what is described here.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Buffer = bytes | bytearray | memoryview

_LIBRARY_NAMES = ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.so.1.1")


class Sha256Context(ctypes.Structure):
    """OpenSSL's SHA256_CTX."""

    _fields_ = (
        ("chaining", ctypes.c_uint32 * 8),
        ("count_low", ctypes.c_uint32),
        ("count_high", ctypes.c_uint32),
        ("block", ctypes.c_ubyte * 64),
        ("block_used", ctypes.c_uint),
        ("digest_size", ctypes.c_uint),
    )


class Sha512Context(ctypes.Structure):
    """OpenSSL's SHA512_CTX."""

    _fields_ = (
        ("chaining", ctypes.c_uint64 * 8),
        ("count_low", ctypes.c_uint64),
        ("count_high", ctypes.c_uint64),
        ("block", ctypes.c_ubyte * 128),
        ("block_used", ctypes.c_uint),
        ("digest_size", ctypes.c_uint),
    )


@dataclass(frozen=True, slots=True)
class ShaFunctions:
    """The three functions of one algorithm, and the struct they work on."""

    context_type: type[Sha256Context | Sha512Context]
    digest_size: int
    init_function: Any
    update_function: Any
    final_function: Any

    def new_context(self) -> Any:
        """A context that has hashed nothing."""
        context = self.context_type()
        self.init_function(ctypes.byref(context))
        return context

    def update(self, context: Any, buffer: Buffer) -> int:
        """Hash `buffer`, with the GIL released; its size. Only a read-only view is copied first."""
        if isinstance(buffer, memoryview) and buffer.readonly:
            buffer = bytes(buffer)
        size = buffer.nbytes if isinstance(buffer, memoryview) else len(buffer)
        if size:
            address = buffer if isinstance(buffer, bytes) else ctypes.byref(ctypes.c_char.from_buffer(buffer))
            self.update_function(ctypes.byref(context), address, size)
        return size

    def digest(self, context: Any) -> bytes:
        """The digest of what was hashed so far; the context can go on."""
        ended = self.context_type.from_buffer_copy(context)
        digest = ctypes.create_string_buffer(self.digest_size)
        self.final_function(digest, ctypes.byref(ended))
        return digest.raw


@functools.cache
def sha_functions(algorithm: str) -> ShaFunctions | None:
    """The functions of libcrypto for `sha256` or `sha512`; None where there are none, or not as described here."""
    for name in _library_names():
        try:
            functions = _bound(ctypes.CDLL(name), algorithm)
        except (AttributeError, OSError):
            continue
        if _agrees_with_hashlib(functions, algorithm):
            return functions
    return None


def _library_names() -> Iterator[str | None]:
    """Where to look: first what Python's own hashlib is linked with, so that no second copy is loaded."""
    try:
        import _hashlib
    except ImportError:
        pass
    else:
        # Without a file it is built in: None then stands for the program itself, which may show OpenSSL's functions.
        yield getattr(_hashlib, "__file__", None)
    yield from _LIBRARY_NAMES


def _bound(library: ctypes.CDLL, algorithm: str) -> ShaFunctions:
    prefix = algorithm.upper()
    # By index and not by attribute: attributes are shared by everybody who loads this library.
    init, update, final = (library[f"{prefix}_{name}"] for name in ("Init", "Update", "Final"))
    init.argtypes = (ctypes.c_void_p,)
    update.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    final.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    context_type = Sha256Context if algorithm == "sha256" else Sha512Context
    return ShaFunctions(context_type, hashlib.new(algorithm).digest_size, init, update, final)


def _agrees_with_hashlib(functions: ShaFunctions, algorithm: str) -> bool:
    """Whether bytes hashed here give hashlib's digest, and stand in the struct where its description says."""
    content = bytes(range(251))
    context = functions.new_context()
    functions.update(context, content)
    tail_size = len(content) % len(context.block)
    return (
        functions.digest(context) == hashlib.new(algorithm, content).digest()
        and (context.count_high, context.count_low) == (0, 8 * len(content))
        and context.block_used == tail_size
        and bytes(context.block[:tail_size]) == content[-tail_size:]
        and context.digest_size == functions.digest_size
    )
