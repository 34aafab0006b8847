"""Layers are unpacked without root's rights, too: as the store of an ordinary user, for overlayfs with `userxattr`."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runner.layers.extraction import Unpacked
from runner.layers.whiteouts import is_host_root
from tests.runner.layers.archives import END, directory, file, header, symlink
from tests.runner.layers.trees import open_directory
from tests.runner.layers.unpacking_by_nobody import NOBODY

LAYER = (
    directory(b"d", mode=0o755)
    + file(b"d/set-uid", b"content", mode=0o4755)
    + header(b"d/owned", uid=b"0001750\0")
    + symlink(b"link", b"d/owned")
    + header(b"null", b"3", device=(1, 3))
    + header(b"pipe", b"6")
    + file(b".wh.hidden")
    + directory(b"opaque")
    + file(b"opaque/.wh..wh..opq")
    + END
)


def unpacked_by_nobody(root: Path) -> Unpacked:
    """What came of LAYER beneath `root`, in a process without rights, which reaches it only by an open directory."""
    os.chown(root, NOBODY, NOBODY)
    with open_directory(root) as descriptor:
        done = subprocess.run(
            [sys.executable, "-m", "tests.runner.layers.unpacking_by_nobody", str(descriptor)],
            input=LAYER,
            stdout=subprocess.PIPE,
            pass_fds=[descriptor],
            check=True,
        )
    entries, size, skipped = map(int, done.stdout.split())
    return Unpacked(entries, size, skipped_devices=skipped)


@pytest.mark.root
def test_files_are_the_users_own_devices_are_left_out_and_whiteouts_are_marked(tmp_path: Path) -> None:
    root = tmp_path / "layer"
    root.mkdir()

    done = unpacked_by_nobody(root)

    assert done.skipped_devices == 1
    assert not (root / "null").exists()
    assert {place.lstat().st_uid for place in root.rglob("*")} == {NOBODY}
    assert stat.S_IMODE((root / "d/set-uid").stat().st_mode) == 0o4755
    assert stat.S_ISFIFO((root / "pipe").stat().st_mode)
    hidden = (root / "hidden").lstat()
    assert stat.S_ISCHR(hidden.st_mode)
    assert hidden.st_rdev == 0
    assert os.getxattr(root / "opaque", "user.overlay.opaque") == b"y"


@pytest.mark.root
def test_the_hosts_root_is_told_from_others() -> None:
    assert is_host_root()
