from pathlib import Path

import pytest

from storage_backends.filesystem.sharing import NotShareable, require_shareable


def test_a_directory_with_locks_can_be_shared_and_is_left_as_it_was(tmp_path: Path) -> None:
    require_shareable(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_place_that_takes_no_files_cannot(tmp_path: Path) -> None:
    with pytest.raises(NotShareable, match="cannot be written"):
        require_shareable(Path("/proc"))
    with pytest.raises(NotShareable, match="No such file"):
        require_shareable(tmp_path / "none")
