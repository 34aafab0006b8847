"""runner inspect: all that is known of images."""

from __future__ import annotations

import json
import sys
from typing import Any

from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.output import formatted
from runner.cli.parsing import Arguments
from runner.images.describing import describe
from runner.store import finding, index
from runner.store.errors import ImageUnknown
from runner.store.folders import Store

_TYPES = ("image",)


def run(arguments: Arguments, places: Places) -> int:
    """Show each of the images; the status to end with."""
    kind, template = arguments.text("type"), arguments.text("format")
    if kind is not None and kind not in _TYPES:
        raise Failed(f"{kind!r} is not a valid value for --type")
    documents, missing = _found(Store(places.root), arguments.words)
    if template is None:
        print(json.dumps(documents, indent=4, ensure_ascii=False))
    elif template == "json":
        print(json.dumps(documents, ensure_ascii=False, separators=(",", ":")))
    else:
        print("".join(f"{line}\n" for line in formatted(template, documents)), end="")
    for text in missing:
        print(f"Error: No such object: {text}", file=sys.stderr)
    return 1 if missing else 0


def _found(store: Store, texts: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    images = index.read(store)
    documents, missing = [], []
    for text in texts:
        try:
            documents.append(describe(store, finding.find(images, text)))
        except ImageUnknown:
            missing.append(text)
    return documents, missing
