"""The file that a command writes an archive to."""

import stat
from pathlib import Path

import pytest

from runner.cli.archive_file import opened
from runner.cli.errors import Failed


def test_the_file_is_there_as_a_whole_or_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"before")

    def break_off() -> None:
        with opened(str(tmp_path / "kept")) as file:
            file.write(b"half")
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        break_off()

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"before"
    with opened(str(tmp_path / "kept")) as file:
        file.write(b"after")
    assert (tmp_path / "kept").read_bytes() == b"after"


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with opened(str(tmp_path / "new")) as file:
        file.write(b"content")

    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


def test_a_link_leads_to_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")

    with opened(str(tmp_path / "link")) as file:
        file.write(b"content")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    for place in (tmp_path, Path("/dev/null")):
        with pytest.raises(Failed, match="no file"), opened(str(place)):
            pass

    assert Path("/dev/null").is_char_device()


def test_a_directory_that_is_missing_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="is no directory"), opened(str(tmp_path / "none" / "file")):
        pass
