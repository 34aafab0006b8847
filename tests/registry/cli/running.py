"""How a command ended, the type of what runs one, and what it may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oci_spec.digest import Digest

ROOT = Path(__file__).parents[3]

PASSWORD = "correct horse"
"""What commands of the fixture `registry` read from standard input."""

LAYER_CONTENT = b"a layer"
LAYER = Digest.of(LAYER_CONTENT)
"""The layer of `team/app:1` in the registry of the fixture `data`."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Run(Protocol):
    """Runs `registry` with some arguments, and no variables of ours but those of `environment`."""

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Ended: ...
