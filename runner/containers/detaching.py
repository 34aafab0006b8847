"""The keys that end a connection to a container's terminal, and leave it running."""

from __future__ import annotations

from runner.containers.errors import DetachKeysInvalid

DEFAULT = "ctrl-p,ctrl-q"

_CONTROL = "ctrl-"
_SIGNS = {"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}


def parse(text: str) -> bytes:
    """The bytes that the keys send: single characters, and `ctrl-` with a letter or a sign, with commas between.

    Raises:
        DetachKeysInvalid: it names none.
    """
    return bytes(_key(text, name) for name in text.split(","))


class DetachKeys:
    """What is typed, watched for the keys. A part of them is held back until it is clear that it is no more."""

    __slots__ = ("_keys", "_matched")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, content: bytes) -> tuple[bytes, bool]:
        """What of the input goes on, and whether the keys have been typed."""
        passed = bytearray()
        for byte in content:
            if byte != self._keys[self._matched]:
                passed += self._keys[: self._matched]
                self._matched = 0
            if byte != self._keys[self._matched]:
                passed.append(byte)
                continue
            self._matched += 1
            if self._matched == len(self._keys):
                self._matched = 0
                return bytes(passed), True
        return bytes(passed), False


def _key(text: str, name: str) -> int:
    if len(name) == 1 and name.isascii() and name.isprintable():
        return ord(name)
    sign = name.removeprefix(_CONTROL)
    if name.startswith(_CONTROL) and len(sign) == 1:
        if "a" <= sign <= "z":
            return ord(sign) - ord("a") + 1
        if sign in _SIGNS:
            return _SIGNS[sign]
    raise DetachKeysInvalid(text)
