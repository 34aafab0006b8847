import os
from pathlib import Path

import pytest

from runner.layers.beneath import Opener, directory_opener, open_by_components, open_in_one_call
from tests.runner.layers.trees import open_directory


@pytest.fixture(params=[open_by_components, open_in_one_call], ids=["components", "one_call"])
def opener(request: pytest.FixtureRequest) -> Opener:
    found: Opener = request.param
    if found is open_in_one_call and directory_opener() is not open_in_one_call:
        pytest.skip("this kernel has no openat2")
    return found


def test_a_directory_beneath_is_opened(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)

    with open_directory(tmp_path) as root:
        descriptor = opener(root, (b"a", b"b"))

    assert os.path.samestat(os.fstat(descriptor), (tmp_path / "a" / "b").stat())
    os.close(descriptor)


def test_the_root_itself_is_opened(opener: Opener, tmp_path: Path) -> None:
    with open_directory(tmp_path) as root:
        descriptor = opener(root, ())

    assert os.path.samestat(os.fstat(descriptor), tmp_path.stat())
    os.close(descriptor)


def test_no_link_is_followed_at_any_place(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("b")
    (tmp_path / "first").symlink_to("a")

    with open_directory(tmp_path) as root:
        for path in ((b"first",), (b"first", b"b"), (b"a", b"link")):
            with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
                opener(root, path)


def test_what_is_missing_or_no_directory_is_told_apart(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with open_directory(tmp_path) as root:
        with pytest.raises(FileNotFoundError):
            opener(root, (b"missing",))
        with pytest.raises(NotADirectoryError):
            opener(root, (b"file",))


def test_no_descriptor_is_left_open(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = len(list(Path("/proc/self/fd").iterdir()))

    with open_directory(tmp_path) as root:
        os.close(opener(root, (b"a", b"b")))
        with pytest.raises(FileNotFoundError):
            opener(root, (b"a", b"missing", b"b"))

    assert len(list(Path("/proc/self/fd").iterdir())) == before
