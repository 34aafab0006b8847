"""`make bench-docs`, `bench-s3-docs`, `bench-runner-docs`: a whole run's figures go into their page of docs/."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.engines.main import OUTPUT as RUNNER_OUTPUT
from benchmarks.main import OUTPUT
from benchmarks.s3.main import OUTPUT as S3_OUTPUT

_DOCS = Path("docs")
_BEGIN = "<!-- What stands from here on is written by `make {}`. -->"
_END = "<!-- Until here. -->"
_CHARTS = {
    "ratios.svg": "How many times as fast as distribution",
    "curve.svg": "Latency by the number of tags and repositories",
}


class NotPublishable(Exception):
    """There are no figures of a whole run, or there is no place to put them."""


def main(what: str) -> int:
    """Publish those of the `registry`, of it on `s3`, or of the `runner`; the exit status is 1 where that cannot be."""
    try:
        page = {
            "registry": lambda: publish(OUTPUT, _DOCS),
            "s3": lambda: publish_s3(S3_OUTPUT, _DOCS),
            "runner": lambda: publish_runner(RUNNER_OUTPUT, _DOCS),
        }[what]()
    except NotPublishable as error:
        print(f"bench-docs: {error}", file=sys.stderr)
        return 1
    print(f"Written: {page}")
    return 0


def publish(measured: Path, docs: Path) -> Path:
    """Put what a run left in the directory `measured` into the page `performance.md` of `docs`, beside its charts.

    Raises:
        NotPublishable: the run was not a whole one, or the page has no place for it.
    """
    _whole_run(measured, "make bench")
    charts = []
    for name, title in _CHARTS.items():
        shutil.copyfile(measured / name, docs / "images" / f"bench-{name}")
        charts.append(f"![{title}](images/bench-{name})\n")
    return _put(docs / "performance.md", "bench-docs", [*charts, (measured / "results.md").read_text()])


def publish_s3(measured: Path, docs: Path) -> Path:
    """The same for what `make bench-s3` left, which has a place of its own on that page.

    Raises:
        NotPublishable: as above.
    """
    _whole_run(measured, "make bench-s3")
    return _put(docs / "performance.md", "bench-s3-docs", [(measured / "results.md").read_text()])


def publish_runner(measured: Path, docs: Path) -> Path:
    """The same for what `make bench-runner` left, and the page `runner-performance.md`.

    Raises:
        NotPublishable: as above.
    """
    _whole_run(measured, "make bench-runner")
    return _put(docs / "runner-performance.md", "bench-runner-docs", [(measured / "results.md").read_text()])


def _whole_run(measured: Path, target: str) -> None:
    try:
        document: dict[str, Any] = json.loads((measured / "results.json").read_text())
    except FileNotFoundError as error:
        raise NotPublishable(f"nothing has been measured: {target}") from error
    if document["part"]:
        raise NotPublishable(f"the last run was a part only ({document['part']})")


def _put(page: Path, target: str, figures: list[str]) -> Path:
    text = page.read_text()
    before, begin, rest = text.partition(_BEGIN.format(target))
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise NotPublishable(f"{page} has no place for the figures")
    page.write_text("\n".join([before + begin + "\n", *figures, end]) + after)
    return page


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["registry"]))
