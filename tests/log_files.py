"""Logs that are read while somebody writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def entries(file: Path) -> list[dict[str, Any]]:
    """The entries of a log of JSON lines; one that is just being written counts once all of its line is there."""
    return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
