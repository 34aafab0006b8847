"""A container's root: layers above each other, in the order of the image, mounted where nobody sees it (root)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner.containers import overlay
from runner.containers.folders import Folders, Place
from runner.oci.errors import CallFailed

pytestmark = pytest.mark.root

Mount = Callable[[Place, Sequence[str]], int]

MOST_LAYERS = 500


def by_configuration(place: Place, layers: Sequence[str]) -> int:
    return overlay.mount(place, layers, volatile=False)


def by_links(place: Place, layers: Sequence[str]) -> int:
    return overlay.by_links(place, [*reversed(layers)], ())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Folders(str(tmp_path / "root"), str(tmp_path / "state")).place("c" * 64)
    for folder in (place.upper, place.work, place.rootfs):
        os.makedirs(folder)
    return place


def make_layers(folder: Path, count: int) -> list[str]:
    layers = []
    for number in range(count):
        layer = folder / f"{number:064d}" / "diff"
        layer.mkdir(parents=True)
        (layer / "last").write_text(str(number))
        (layer / f"own-{number}").touch()
        layers.append(str(layer))
    return layers


def listed(root: int) -> set[str]:
    return set(os.listdir(f"/proc/self/fd/{root}"))


@pytest.mark.parametrize("mount", [by_configuration, by_links])
@pytest.mark.parametrize("count", [1, 2, 130, MOST_LAYERS])
def test_all_layers_are_there_and_the_last_is_above_the_others(
    place: Place, tmp_path: Path, mount: Mount, count: int
) -> None:
    root = mount(place, make_layers(tmp_path / "layers", count))
    try:
        Path(f"/proc/self/fd/{root}/written").write_text("x")

        assert Path(f"/proc/self/fd/{root}/last").read_text() == str(count - 1)
        assert listed(root) == {"last", "written", *(f"own-{number}" for number in range(count))}
        assert os.listdir(place.upper) == ["written"]
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    finally:
        os.close(root)


def test_paths_that_are_longer_than_the_kernel_takes_are_opened(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120) / ("y" * 120)
    place = Folders(str(long), str(tmp_path / "state")).place("c" * 64)
    for folder in (place.upper, place.work):
        os.makedirs(folder)

    root = by_configuration(place, make_layers(long / "layers", 3))

    assert Path(f"/proc/self/fd/{root}/last").read_text() == "2"
    os.close(root)


@pytest.mark.parametrize("mount", [by_configuration, by_links])
def test_what_the_kernel_says_is_told(place: Place, tmp_path: Path, mount: Mount) -> None:
    with pytest.raises(CallFailed, match="mount"):
        mount(place, [str(tmp_path / "nothing")])


def test_an_image_without_layers_is_an_empty_directory(place: Place) -> None:
    root = by_configuration(place, [])

    assert listed(root) == set()
    os.close(root)
