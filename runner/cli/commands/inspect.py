"""runner inspect: all that is known of containers and images."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from runner.cli import containers
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.output import formatted
from runner.cli.parsing import Arguments
from runner.containers import describing, finding
from runner.containers.errors import ContainerUnknown
from runner.images.describing import describe
from runner.store import finding as images
from runner.store import index
from runner.store.errors import ImageUnknown
from runner.store.folders import Store

_TYPES = ("container", "image")


def run(arguments: Arguments, places: Places) -> int:
    """Show each of them; the status to end with."""
    kind, template = arguments.text("type"), arguments.text("format")
    if kind is not None and kind not in _TYPES:
        raise Failed(f"{kind!r} is not a valid value for --type")
    found = [(text, _find(text, kind, places)) for text in arguments.words]
    documents = [document for _, document in found if document is not None]
    missing = [text for text, document in found if document is None]
    if template is None:
        print(json.dumps(documents, indent=4, ensure_ascii=False))
    elif template == "json":
        print(json.dumps(documents, ensure_ascii=False, separators=(",", ":")))
    else:
        print("".join(f"{line}\n" for line in formatted(template, documents)), end="")
    for text in missing:
        print(f"Error: No such object: {text}", file=sys.stderr)
    return 1 if missing else 0


def _find(text: str, kind: str | None, places: Places) -> dict[str, Any] | None:
    """The container, or else the image, that `text` means; None where there is neither."""
    if kind != "image":
        folders = containers.folders(places)
        with suppress(ContainerUnknown):
            return describing.describe(folders, finding.find(folders, text))
    if kind != "container":
        store = Store(places.root)
        with suppress(ImageUnknown):
            return describe(store, images.find(index.read(store), text))
    return None
