import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.containers.errors import VolumeInvalid
from runner.containers.settings import BIND, VOLUME, Mount
from runner.containers.volumes import Volumes

_OPEN: list[int] = []


def names(folder: Path | str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        os.close(_OPEN.pop())


def opened(root: Path) -> int:
    """A descriptor of a root, until the test ends."""
    _OPEN.append(os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    return _OPEN[-1]


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(str(tmp_path / "volumes"))


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    root = tmp_path / "rootfs"
    (root / "data" / "sub").mkdir(parents=True)
    (root / "data/file").write_text("image's")
    (root / "data/sub/link").symlink_to("/etc/passwd")
    (root / "data").chmod(0o1770)
    return root


def test_a_volume_without_a_name_gets_one_and_goes_with_its_container(volumes: Volumes, rootfs: Path) -> None:
    mounts = volumes.named((Mount(VOLUME, "/data"), Mount(VOLUME, "/kept", "mine"), Mount(BIND, "/b", "/b")))

    unnamed, mine, bind = mounts
    assert len(unnamed.source) == 64
    assert (mine.source, bind) == ("mine", Mount(BIND, "/b", "/b"))
    paths = volumes.fill(mounts, opened(rootfs))
    assert {*paths} == {"/data", "/kept"}
    volumes.remove_unnamed(mounts)
    assert not Path(paths["/data"]).parent.exists()
    assert Path(paths["/kept"]).is_dir()


def test_an_empty_volume_is_filled_with_what_the_image_has(volumes: Volumes, rootfs: Path) -> None:
    (mount,) = volumes.named((Mount(VOLUME, "/data", "mine"),))

    data = Path(volumes.fill((mount,), opened(rootfs))["/data"])

    assert (data / "file").read_text() == "image's"
    assert str((data / "sub/link").readlink()) == "/etc/passwd"
    assert stat.S_IMODE(data.stat().st_mode) == 0o1770
    (data / "file").write_text("changed")
    volumes.fill((mount,), opened(rootfs))
    assert (data / "file").read_text() == "changed"


def test_programs_that_are_not_roots_enter_a_volume_whatever_the_umask(volumes: Volumes) -> None:
    before = os.umask(0o077)
    try:
        (mount,) = volumes.named((Mount(VOLUME, "/nowhere", "mine"),))
    finally:
        os.umask(before)

    assert stat.S_IMODE(os.stat(volumes.path(mount.source)).st_mode) == 0o755


def test_a_volume_that_is_not_to_be_filled_stays_empty(volumes: Volumes, rootfs: Path) -> None:
    mounts = volumes.named((Mount(VOLUME, "/data", "mine", copy=False), Mount(VOLUME, "/nowhere", "other")))

    paths = volumes.fill(mounts, opened(rootfs))

    assert names(paths["/data"]) == names(paths["/nowhere"]) == []


def test_a_volume_that_was_half_filled_is_filled_anew(volumes: Volumes, rootfs: Path) -> None:
    (mount,) = volumes.named((Mount(VOLUME, "/data", "mine"),))
    data = Path(volumes.path("mine"))
    (data / "half").mkdir()
    (data / "half/file").write_text("")
    (data.parent / "filling").touch()

    volumes.fill((mount,), opened(rootfs))

    assert names(data) == ["file", "sub"]
    assert not (data.parent / "filling").exists()


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "", "a\0b", "x" * 256])
def test_a_name_that_leads_out_of_the_volumes_is_none(name: str, volumes: Volumes) -> None:
    with pytest.raises(VolumeInvalid):
        volumes.path(name)


def test_a_link_in_the_place_of_the_data_copies_nothing_of_the_hosts(
    volumes: Volumes, rootfs: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("host's")
    (rootfs / "link").symlink_to(secret)
    (rootfs / "up").symlink_to(f"../../../../../..{secret}")
    mounts = volumes.named((Mount(VOLUME, "/link", "one"), Mount(VOLUME, "/up", "two")))

    paths = volumes.fill(mounts, opened(rootfs))

    assert names(paths["/link"]) == names(paths["/up"]) == []


def test_a_link_within_the_image_is_followed(volumes: Volumes, rootfs: Path) -> None:
    (rootfs / "link").symlink_to("/data")

    paths = volumes.fill(volumes.named((Mount(VOLUME, "/link", "one"),)), opened(rootfs))

    assert "file" in names(paths["/link"])
