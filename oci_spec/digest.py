"""Content digests (image-spec, "Digests").

Programs that must start within milliseconds import this module: it loads nothing until it hashes, and hashlib only when
there is much to hash.
"""

import sys

from oci_spec.errors import DigestInvalid, DigestUnsupported

ALGORITHMS = {"sha256": 32, "sha512": 64}
"""The digest algorithms that can be computed here, each with the size of its raw digest in bytes."""

_FEW_BYTES = 256 * 1024
"""To hash more by OpenSSL saves the time that it takes to load it."""

_ALGORITHM_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789+._-"
_ENCODED_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=_-"


class Digest:
    """The identity of some content: an algorithm and what it computes from the bytes.

    Immutable, hashable, and ordered as its text is. `str()` gives the text back.
    """

    __slots__ = ("_algorithm", "_raw")

    def __init__(self, algorithm: str, raw: bytes) -> None:
        size = ALGORITHMS.get(algorithm)
        if size is None:
            raise DigestUnsupported(f"{algorithm}:{raw.hex()}", algorithm)
        if len(raw) != size:
            raise DigestInvalid(f"{algorithm}:{raw.hex()}", f"{algorithm} has {size} bytes, not {len(raw)}")
        self._algorithm = algorithm
        self._raw = raw

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """The digest written as `algorithm:encoded`.

        Raises:
            DigestUnsupported: the text follows the grammar, but names an algorithm that is not in `ALGORITHMS`.
            DigestInvalid: anything else is wrong; hexadecimal digits in upper case are, too.
        """
        algorithm, _, encoded = text.partition(":")
        size = ALGORITHMS.get(algorithm)
        if size is None:
            raise _refusal(text)
        if len(encoded) != 2 * size:
            raise DigestInvalid(text, f"{algorithm} takes {2 * size} hexadecimal digits, not {len(encoded)}")
        try:
            raw = bytes.fromhex(encoded)
        except ValueError:
            raw = b""
        # fromhex also takes upper case and skips spaces: only what hex() gives back is the one spelling of a digest.
        if raw.hex() != encoded:
            raise DigestInvalid(text, f"{algorithm} takes hexadecimal digits in lower case only")
        return cls(algorithm, raw)

    @classmethod
    def from_raw(cls, algorithm: str, raw: bytes) -> "Digest":
        """The digest whose raw bytes a database or a hash object holds.

        Raises:
            DigestUnsupported: the algorithm is not in `ALGORITHMS`.
            DigestInvalid: the algorithm's digests have another size.
        """
        return cls(algorithm, raw)

    @classmethod
    def of(cls, content: bytes | bytearray | memoryview, algorithm: str = "sha256") -> "Digest":
        """The digest of `content`, computed now and in this thread.

        Raises:
            DigestUnsupported: the algorithm is not in `ALGORITHMS`.
        """
        if algorithm not in ALGORITHMS:
            raise DigestUnsupported(f"{algorithm}:", algorithm)
        return cls(algorithm, _hash(algorithm, content))

    @property
    def algorithm(self) -> str:
        """The algorithm's registered name, a key of `ALGORITHMS`."""
        return self._algorithm

    @property
    def encoded(self) -> str:
        """What stands after the colon: lower-case hexadecimal digits."""
        return self._raw.hex()

    @property
    def raw(self) -> bytes:
        """What the algorithm computed, unencoded."""
        return self._raw

    def __str__(self) -> str:
        return f"{self._algorithm}:{self._raw.hex()}"

    def __repr__(self) -> str:
        return f"Digest({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Digest):
            return NotImplemented
        return self._raw == other._raw and self._algorithm == other._algorithm

    def __hash__(self) -> int:
        return hash(self._raw)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Digest):
            return NotImplemented
        return (self._algorithm, self._raw) < (other._algorithm, other._raw)


def _hash(algorithm: str, content: bytes | bytearray | memoryview) -> bytes:
    # Loading OpenSSL takes longer than everything else that a short-lived program does with digests.
    if len(content) <= _FEW_BYTES and "hashlib" not in sys.modules:
        try:
            plain = __import__("_sha2" if sys.version_info >= (3, 12) else f"_{algorithm}")
        except ImportError:
            # This Python was built without.
            pass
        else:
            raw: bytes = getattr(plain, algorithm)(content).digest()
            return raw
    import hashlib

    return hashlib.new(algorithm, content).digest()


def _refusal(text: str) -> DigestInvalid:
    """Why a text whose algorithm is none of ours is refused: unknown here, or no digest anywhere."""
    algorithm, colon, encoded = text.partition(":")
    if not colon:
        return DigestInvalid(text, "expected an algorithm, a colon and the encoded digest")
    # Nothing is left of a text stripped of all permitted characters exactly when it has no other ones.
    if algorithm.strip(_ALGORITHM_CHARACTERS) or not all(_words(algorithm)):
        return DigestInvalid(text, "the algorithm is not made of lower-case letters, digits and single separators")
    if not encoded or encoded.strip(_ENCODED_CHARACTERS):
        return DigestInvalid(text, "the encoded part is empty or holds characters that no digest has")
    return DigestUnsupported(text, algorithm)


def _words(algorithm: str) -> list[str]:
    """The parts between an algorithm's separators; an empty one tells of a separator too many."""
    return algorithm.replace("+", ".").replace("_", ".").replace("-", ".").split(".")
