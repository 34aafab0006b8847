"""A container's root: layers above each other, in the order of the image, mounted where nobody sees it (root)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner.containers import overlay
from runner.containers.folders import Folders, Place
from runner.oci.errors import CallFailed
from runner.oci.kernel import mounts

pytestmark = pytest.mark.root

Mount = Callable[[Place, Sequence[str]], int]

MOST_LAYERS = 500


def by_configuration(place: Place, layers: Sequence[str]) -> int:
    return overlay.mount(place, layers, volatile=False)


def by_links(place: Place, layers: Sequence[str]) -> int:
    return overlay.by_links(overlay.Stack((*reversed(layers),), (place.upper, place.work)), place.rootfs)


def read_by_links(place: Place, layers: Sequence[str]) -> int:
    stack = overlay.Stack((place.upper, *reversed(layers)), None, attributes=mounts.READ_ONLY | mounts.NO_DEV)
    return overlay.by_links(stack, place.work)


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


@pytest.mark.parametrize("mount", [overlay.mount_read_only, read_by_links])
def test_what_a_container_has_left_is_read_and_not_changed(place: Place, tmp_path: Path, mount: Mount) -> None:
    layers = make_layers(tmp_path / "layers", 3)
    root = by_configuration(place, layers)
    Path(f"/proc/self/fd/{root}/last").write_text("written")
    Path(f"/proc/self/fd/{root}/own-1").unlink()
    os.mknod(f"/proc/self/fd/{root}/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.close(root)

    root = mount(place, layers)
    try:
        assert Path(f"/proc/self/fd/{root}/last").read_text() == "written"
        assert listed(root) == {"last", "null", "own-0", "own-2"}
        with pytest.raises(OSError, match="Read-only file system"):
            Path(f"/proc/self/fd/{root}/new").touch()
        with pytest.raises(PermissionError):
            Path(f"/proc/self/fd/{root}/null").read_bytes()
        assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    finally:
        os.close(root)


def test_a_container_without_layers_is_read_as_well(place: Place) -> None:
    Path(place.upper, "written").touch()

    root = overlay.mount_read_only(place, [])

    assert listed(root) == {"written"}
    os.close(root)
