"""`make bench-docs`: put the figures and charts of the last whole run into docs/performance.md."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from benchmarks.main import OUTPUT

_DOCS = Path("docs")
_BEGIN = "<!-- What stands from here on is written by `make bench-docs`. -->"
_END = "<!-- Until here. -->"
_CHARTS = {
    "ratios.svg": "How many times as fast as distribution",
    "curve.svg": "Latency by the number of tags and repositories",
}


class NotPublishable(Exception):
    """There are no figures of a whole run, or there is no place to put them."""


def main() -> int:
    """Publish; the exit status is 1 where that cannot be."""
    try:
        publish(OUTPUT, _DOCS)
    except NotPublishable as error:
        print(f"bench-docs: {error}", file=sys.stderr)
        return 1
    print(f"Written: {_DOCS / 'performance.md'} and the charts in {_DOCS / 'images'}/")
    return 0


def publish(measured: Path, docs: Path) -> None:
    """Put what a run left in the directory `measured` into the page `performance.md` of `docs`, beside its charts.

    Raises:
        NotPublishable: the run was not a whole one, or the page has no place for it.
    """
    try:
        document = json.loads((measured / "results.json").read_text())
    except FileNotFoundError as error:
        raise NotPublishable("nothing has been measured: make bench") from error
    if document["part"]:
        raise NotPublishable(f"the last run was a part only ({document['part']})")
    page = docs / "performance.md"
    text = page.read_text()
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise NotPublishable(f"{page} has no place for the figures")
    charts = []
    for name, title in _CHARTS.items():
        shutil.copyfile(measured / name, docs / "images" / f"bench-{name}")
        charts.append(f"![{title}](images/bench-{name})\n")
    figures = (measured / "results.md").read_text()
    page.write_text("\n".join([before + begin + "\n", *charts, figures, end]) + after)


if __name__ == "__main__":
    sys.exit(main())
