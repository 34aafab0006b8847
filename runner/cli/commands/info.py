"""runner info: what this machine has of what containers need, and what is missing."""

from __future__ import annotations

import json
from contextlib import suppress

from runner.bundles import init_program
from runner.bundles.errors import InitMissing
from runner.cli.main import Places
from runner.cli.output import formatted
from runner.cli.parsing import Arguments
from runner.host.capabilities import describe, lacks
from runner.store import index
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Show it; the status to end with."""
    found, init = describe(), _init()
    document: dict[str, object] = {
        "Images": len(index.read(Store(places.root)).images()),
        "Root": places.root,
        "State": places.state,
        **found,
        "InitBinary": init,
        "Warnings": [*lacks(found), *([] if init else [str(InitMissing())])],
    }
    template = arguments.text("format")
    if template == "json":
        print(json.dumps(document, separators=(",", ":")))
    elif template is not None:
        print("".join(f"{line}\n" for line in formatted(template, [document])), end="")
    else:
        _show(document)
    return 0


def _init() -> str:
    """Where the program of `--init` is; empty without one."""
    with suppress(InitMissing):
        return init_program.find()
    return ""


def _show(document: dict[str, object]) -> None:
    for name, value in document.items():
        if name == "Warnings":
            continue
        words = " ".join(map(str, value)) if isinstance(value, list) else value
        shown = {True: "yes", False: "no"}[words] if isinstance(words, bool) else words
        print(f" {_spaced(name)}: {shown}")
    warnings = document["Warnings"]
    assert isinstance(warnings, list)
    for warning in warnings:
        print(f"WARNING: {warning}")


def _spaced(name: str) -> str:
    return "".join(f" {letter}" if place and letter.isupper() and not name[place - 1].isupper() else letter
                   for place, letter in enumerate(name))  # fmt: skip
