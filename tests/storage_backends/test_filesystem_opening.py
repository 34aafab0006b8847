"""Blobs' files, opened at once or in a thread: the same file either way, and nothing left open."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from storage_backends.filesystem._blocking import opening
from storage_backends.filesystem._blocking.opening import OpenedFile, is_removed, open_blob, open_cached

CONTENT = b"a layer" * 1000


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    if open_cached(str(path)) is None:
        pytest.skip("this kernel's openat2(2) has no RESOLVE_CACHED")
    return path


@pytest.mark.parametrize("opened", [open_blob, open_cached])
def test_an_open_file_tells_its_size_and_can_be_read(blob: Path, opened: Callable[[str], OpenedFile]) -> None:
    descriptor, size = opened(str(blob))
    try:
        assert os.read(descriptor, size + 1) == CONTENT
        assert not os.get_inheritable(descriptor)
        assert not is_removed(descriptor)
        blob.unlink()
        assert is_removed(descriptor)
    finally:
        os.close(descriptor)


def test_a_mount_in_the_same_moment_keeps_no_file_from_being_opened_at_once(
    blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([lambda *_: -1, opening._syscall()])
    monkeypatch.setattr(opening, "_syscall", lambda: next(answers))

    opened = open_cached(str(blob))

    assert opened is not None
    os.close(opened.descriptor)


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("blob"), lambda path: None])
def test_only_a_regular_file_is_opened(blob: Path, make: Callable[[Path], None]) -> None:
    other = blob.with_name("other")
    make(other)
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(OSError, match=r"other|directory"):
        open_blob(str(other))

    assert open_cached(str(other)) is None
    assert len(list(Path("/proc/self/fd").iterdir())) == before
