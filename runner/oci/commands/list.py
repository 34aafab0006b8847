"""`list`: all containers of this root."""

from __future__ import annotations

import sys

from runner.json_text import encode
from runner.oci.command import Command
from runner.oci.containers import every
from runner.oci.errors import ContainerUnknown, UsageInvalid
from runner.oci.options import Flag
from runner.oci.status import STOPPED, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given

FLAGS = (
    Flag("format", "table or json", "FORMAT", short="f"),
    Flag("quiet", "print names only", short="q"),
)
_COLUMNS = ("ID", "PID", "STATUS", "BUNDLE", "CREATED")


def _run(given: Given, context: Context) -> int:
    form = given.text("format") or "table"
    if form not in {"table", "json"}:
        raise UsageInvalid("--format: expected table or json")
    rows = _rows(context.root)
    if given.has("quiet"):
        sys.stdout.writelines(f"{row['id']}\n" for row in rows)
    elif form == "json":
        sys.stdout.write(encode(rows) + "\n")
    else:
        _print_table([_COLUMNS, *(tuple(str(row[name.lower()]) for name in _COLUMNS) for row in rows)])
    return 0


def _rows(root: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for container in every(root):
        try:
            state = container.read_state()
        except ContainerUnknown:
            # Deleted meanwhile.
            continue
        word = status(container, state)
        rows.append(
            {
                "ociVersion": state.version,
                "id": state.container,
                "pid": 0 if word == STOPPED else state.pid,
                "status": word,
                "bundle": state.bundle,
                "rootfs": state.root,
                "created": state.created,
                "annotations": state.annotations,
            }
        )
    return rows


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    for row in rows:
        sys.stdout.write("   ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() + "\n")


COMMAND = Command("print all containers", "", FLAGS, _run)
