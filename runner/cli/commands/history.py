"""runner history: how an image was made."""

from __future__ import annotations

from datetime import datetime

from runner.cli.main import Places
from runner.cli.output import ago, listing, size_text
from runner.cli.parsing import Arguments
from runner.images.history import Step, steps
from runner.store import finding, index
from runner.store.folders import Store

_COLUMNS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
_MISSING = "<missing>"
_WIDTH = 45


def run(arguments: Arguments, places: Places) -> int:
    """Show the steps; the status to end with."""
    store = Store(places.root)
    image = finding.find(index.read(store), arguments.words[0])
    whole, human = arguments.flag("no-trunc"), arguments.flag("human")
    own = str(image.id) if whole else image.id.encoded[:12]
    rows = [
        _row(step, _MISSING if place else own, whole=whole, human=human)
        for place, step in enumerate(steps(store, image))
    ]
    if arguments.flag("quiet"):
        print("".join(f"{row['ID']}\n" for row in rows), end="")
        return 0
    columns = _COLUMNS if human else {**_COLUMNS, "CreatedSince": "CREATED AT"}
    print(listing(rows, columns, arguments.text("format")), end="")
    return 0


def _row(step: Step, image_id: str, *, whole: bool, human: bool) -> dict[str, object]:
    command = step.created_by.replace("\t", " ")
    if not whole and len(command) > _WIDTH:
        command = f"{command[: _WIDTH - 1]}…"
    created = datetime.fromisoformat(step.created).strftime("%Y-%m-%dT%H:%M:%SZ") if step.created else "N/A"
    return {
        "Comment": step.comment,
        "CreatedAt": created,
        "CreatedBy": command,
        "CreatedSince": ago(step.created) if human else created,
        "ID": image_id,
        "Size": size_text(step.size) if human else str(step.size),
    }
