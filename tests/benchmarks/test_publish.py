import json
from pathlib import Path

import pytest

from benchmarks.publish import NotPublishable, publish, publish_s3

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    directory = tmp_path / "bench"
    directory.mkdir()
    (directory / "results.json").write_text(json.dumps({"part": ""}))
    (directory / "results.md").write_text("| work | speed |\n")
    (directory / "ratios.svg").write_text("<svg>ratios</svg>")
    (directory / "curve.svg").write_text("<svg>curve</svg>")
    return directory


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    directory = tmp_path / "docs"
    (directory / "images").mkdir(parents=True)
    (directory / "performance.md").write_text(PAGE.read_text())
    return directory


def test_figures_go_into_the_page_and_nothing_else_of_it_changes(measured: Path, docs: Path) -> None:
    publish(measured, docs)

    text = (docs / "performance.md").read_text()
    assert "| work | speed |" in text
    assert "](images/bench-ratios.svg)" in text
    assert (docs / "images" / "bench-curve.svg").read_text() == "<svg>curve</svg>"
    assert text.startswith(PAGE.read_text().partition("<!--")[0])


def test_figures_of_a_later_run_replace_the_earlier_ones(measured: Path, docs: Path) -> None:
    publish(measured, docs)
    once = (docs / "performance.md").read_text()
    (measured / "results.md").write_text("| later work | speed |\n")

    publish(measured, docs)

    assert (docs / "performance.md").read_text() == once.replace("| work | speed |", "| later work | speed |")


def test_figures_of_a_part_are_not_published(measured: Path, docs: Path) -> None:
    (measured / "results.json").write_text(json.dumps({"part": "QUICK=1"}))

    with pytest.raises(NotPublishable, match="QUICK=1"):
        publish(measured, docs)

    assert (docs / "performance.md").read_text() == PAGE.read_text()


def test_without_a_run_there_is_nothing_to_publish(tmp_path: Path, docs: Path) -> None:
    with pytest.raises(NotPublishable, match="make bench"):
        publish(tmp_path / "nowhere", docs)


def test_figures_with_s3_have_a_place_of_their_own(measured: Path, docs: Path) -> None:
    publish(measured, docs)
    before = (docs / "performance.md").read_text()
    (measured / "results.md").write_text("| work with S3 | speed |\n")

    publish_s3(measured, docs)

    text = (docs / "performance.md").read_text()
    kept, begin, _ = before.partition("<!-- What stands from here on is written by `make bench-s3-docs`. -->")
    assert text.startswith(kept + begin)
    assert "| work with S3 | speed |" in text.removeprefix(kept)
    assert "| work | speed |" in kept
