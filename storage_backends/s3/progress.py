"""How far an upload has come in S3: what its `backend_state` says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Self

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart upload: its size, and what S3 calls its content.

    A request that no longer holds the upload may put another content under the part's number. Completing by tags then
    fails, and makes no blob of bytes that were never hashed.
    """

    size: int
    tag: str
    checksum: str | None


@dataclass(frozen=True, slots=True)
class Tail:
    """An object that holds bytes which are too few for a part."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The parts of a multipart upload, if one has begun, and the tail behind them.

    `suffix` and `upload_id` are those of the multipart upload. `made` is the suffix of a blob that a process made of
    these bytes before it died, and that may turn out to be the one that is wanted again. `replaced` is the name of the
    tail before `tail`, which can go once this progress is known to be recorded.
    """

    suffix: str | None = None
    upload_id: str | None = None
    parts: tuple[Part, ...] = ()
    tail: Tail | None = None
    replaced: str | None = None
    made: str | None = field(default=None)

    @property
    def size(self) -> int:
        """The bytes of all parts."""
        return sum(part.size for part in self.parts)

    @classmethod
    def decode(cls, state: bytes) -> Self:
        """Read what `encode` wrote; nothing stands for an upload without bytes.

        Raises:
            ValueError: it is something else.
        """
        if not state:
            return cls()
        fields: dict[str, Any] = json.loads(state)
        if fields.get("version") != _VERSION:
            raise ValueError(f"an upload's state of version {fields.get('version')}")
        tail = fields.get("tail")
        return cls(
            suffix=fields.get("suffix"),
            upload_id=fields.get("upload"),
            parts=tuple(Part(*part) for part in fields.get("parts", ())),
            tail=Tail(*tail) if tail is not None else None,
            replaced=fields.get("replaced"),
            made=fields.get("made"),
        )

    def encode(self) -> bytes:
        """The state as text, without what is not there."""
        fields = {
            "version": _VERSION,
            "suffix": self.suffix,
            "upload": self.upload_id,
            "parts": [[part.size, part.tag, part.checksum] for part in self.parts] or None,
            "tail": [self.tail.name, self.tail.size] if self.tail is not None else None,
            "replaced": self.replaced,
            "made": self.made,
        }
        present = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(present, separators=(",", ":")).encode()
