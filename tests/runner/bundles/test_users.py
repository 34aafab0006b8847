"""Users are looked up in files that whoever made the image wrote: named after what such files have done to others.

CVE-2024-9676, CVE-2024-40635, CVE-2026-46680 and CVE-2026-47262.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.bundles import users
from runner.bundles.errors import UserUnknown
from runner.bundles.users import Identity
from tests.runner.bundles.hosts import opened

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
# a comment
daemon:x:1:1::/:/sbin/nologin
app:x:1000:1000::/home/app:/bin/sh
1234:x:77:77:a name of digits::
broken:x:what:1::
short
huge:x:4294967295:1::
-7:x:78:78::
"""
GROUP = """\
root:x:0:
audio:x:29:app,daemon
app:x:1000:
video:x:44:app
1001:x:88:
"""


def resolve(rootfs: Path, text: str | None, added_groups: tuple[str, ...] = ()) -> Identity:
    with opened(rootfs) as root:
        return users.resolve(root, text, added_groups)


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    return root


@pytest.mark.parametrize(
    ("text", "added", "identity"),
    [
        (None, (), Identity(0, 0, (0,))),
        ("", (), Identity(0, 0, (0,))),
        ("app", (), Identity(1000, 1000, (1000, 29, 44))),
        ("1000", (), Identity(1000, 1000, (1000, 29, 44))),
        ("app:audio", (), Identity(1000, 29, (29,))),
        ("app:0", (), Identity(1000, 0, (0,))),
        (":audio", (), Identity(0, 29, (29,))),
        ("app:", (), Identity(1000, 1000, (1000, 29, 44))),
        ("555", (), Identity(555, 0, (0,))),
        ("555:666", (), Identity(555, 666, (666,))),
        ("1234", (), Identity(1234, 0, (0,))),
        ("555:1001", (), Identity(555, 1001, (1001,))),
        ("daemon", ("video", "99", "29"), Identity(1, 1, (1, 29, 44, 99))),
        ("4294967294", (), Identity(4294967294, 0, (0,))),
    ],
)
def test_a_user_is_found_by_name_or_number(
    text: str | None, added: tuple[str, ...], identity: Identity, rootfs: Path
) -> None:
    assert resolve(rootfs, text, added) == identity


@pytest.mark.parametrize(
    ("text", "added"), [("nobody", ()), ("app:nogroup", ()), ("app", ("nogroup",)), ("broken", ()), ("huge", ())]
)
def test_a_name_that_is_nowhere_is_refused(text: str, added: tuple[str, ...], rootfs: Path) -> None:
    with pytest.raises(UserUnknown, match="no matching entries"):
        resolve(rootfs, text, added)


@pytest.mark.parametrize("text", ["-1", "-7", "4294967295", "99999999999999999999", "0:4294967295", "٣"])
def test_a_number_that_is_no_id_is_an_error_and_no_name(text: str, rootfs: Path) -> None:
    with pytest.raises(UserUnknown, match="must be in range"):
        resolve(rootfs, text)


def test_numbers_need_no_files(tmp_path: Path) -> None:
    assert resolve(tmp_path, "5:6", ("7",)) == Identity(5, 6, (6, 7))
    with pytest.raises(UserUnknown):
        resolve(tmp_path, "app")


def to_the_hosts_file(etc: Path) -> None:
    secret = etc.parent.parent / "secret"
    secret.write_text("stolen:x:1:1::\n")
    (etc / "passwd").symlink_to(f"../../../../../../../..{secret}")


def by_an_absolute_link(etc: Path) -> None:
    secret = etc.parent.parent / "secret"
    secret.write_text("stolen:x:1:1::\n")
    (etc / "passwd").symlink_to(secret)


def by_the_directory(etc: Path) -> None:
    outside = etc.parent.parent / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("stolen:x:1:1::\n")
    for file in etc.iterdir():
        file.unlink()
    etc.rmdir()
    etc.symlink_to(outside)


@pytest.mark.parametrize("plant", [to_the_hosts_file, by_an_absolute_link, by_the_directory])
def test_a_link_of_the_image_reads_no_file_of_the_hosts(plant: Callable[[Path], None], rootfs: Path) -> None:
    (rootfs / "etc/passwd").unlink()
    plant(rootfs / "etc")

    with pytest.raises(UserUnknown, match="no matching entries"):
        resolve(rootfs, "stolen")


def test_a_link_within_the_image_is_followed(rootfs: Path) -> None:
    (rootfs / "usr").mkdir()
    (rootfs / "etc/passwd").rename(rootfs / "usr/passwd")
    (rootfs / "etc/passwd").symlink_to("/usr/passwd")

    assert resolve(rootfs, "app").uid == 1000


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_directory(place: Path) -> None:
    place.mkdir()


def a_link_to_itself(place: Path) -> None:
    place.symlink_to("passwd")


def an_endless_file(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


def many_lines(place: Path) -> None:
    place.write_bytes(b"a:x:1:1::\n" * 500_000)


@pytest.mark.parametrize("make", [a_pipe, a_directory, a_link_to_itself, an_endless_file, many_lines])
def test_a_file_of_users_that_is_none_keeps_nobody_waiting(make: Callable[[Path], None], rootfs: Path) -> None:
    (rootfs / "etc/passwd").unlink()
    make(rootfs / "etc/passwd")

    with pytest.raises(UserUnknown) as caught:
        resolve(rootfs, "app")

    assert str(caught.value).isprintable()


@pytest.mark.root
def test_a_device_in_the_place_of_a_file_is_not_opened(rootfs: Path) -> None:
    (rootfs / "etc/passwd").unlink()
    os.mknod(rootfs / "etc/passwd", 0o20666, os.makedev(1, 5))

    with pytest.raises(UserUnknown, match="is no plain file"):
        resolve(rootfs, "app")
