"""Containers appear as a whole, under names that are theirs alone, and go as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.containers import documents, finding, making, names, records, removal, status, sweeping
from runner.containers.errors import (
    ContainerAmbiguous,
    ContainerNameInvalid,
    ContainerNameTaken,
    ContainerUnknown,
    RecordInvalid,
)
from runner.containers.folders import GONE, NEW, Folders
from runner.containers.records import Container
from runner.containers.settings import Settings


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(str(tmp_path / "root"), str(tmp_path / "state"))


def make(folders: Folders, name: str = "", *, by_run: bool = False, remove: bool = False) -> Container:
    container = Container(
        making.new_id(), name, "2026-01-02T03:04:05Z", (), Settings("x", remove=remove), by_run=by_run
    )
    made, lock = making.make(folders, container, lambda: None)
    os.close(lock)
    return made


def entries(folders: Folders) -> list[str]:
    return [*os.listdir(folders.containers), *os.listdir(folders.names), *os.listdir(folders.passing)]


def test_a_container_is_found_by_name_id_and_first_digits(folders: Folders) -> None:
    made = make(folders, "web")
    place = folders.place(made.id)

    assert records.read(place) == made
    assert status.of(place) == status.CREATED
    for text in ("web", "/web", made.id, made.id[:5], made.id[:12]):
        assert finding.find(folders, text) == place
    for text in ("", "other", "WEB", "../web", "x/y", "0" * 64):
        with pytest.raises(ContainerUnknown):
            finding.find(folders, text)


def test_digits_that_several_ids_begin_with_name_none(folders: Folders) -> None:
    for digit in "ab":
        container = Container("0" + digit * 63, "", "", (), Settings("x"))
        os.close(making.make(folders, container, lambda: None)[1])

    with pytest.raises(ContainerAmbiguous):
        finding.find(folders, "0")


def test_a_name_is_given_once(folders: Folders) -> None:
    first = make(folders, "web")

    with pytest.raises(ContainerNameTaken, match=first.id):
        make(folders, "/web")

    assert [place.container for place in finding.all_of(folders)] == [first.id]
    removal.remove(folders, folders.place(first.id))
    assert make(folders, "web").name == "web"


@pytest.mark.parametrize("name", ["", "x", "-x", ".x", "a b", "a/b", "ä" * 3, "x" * 256])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ContainerNameInvalid):
        names.check(name)


def test_names_are_made_up_until_one_is_free(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = iter(range(256))
    monkeypatch.setattr(os, "urandom", lambda count: bytes(count - 1) + bytes([next(counted)]))

    found = [make(folders).name for _ in range(3)]

    assert len(set(found)) == 3
    assert all(names.check(name) == name for name in found)


def test_a_container_that_was_not_made_to_the_end_is_cleared_away(folders: Folders) -> None:
    folders.make()
    pid = os.fork()
    if pid == 0:
        making.make(folders, Container("a" * 64, "web", "", (), Settings("x"), by_run=True), lambda: os._exit(0))
    os.waitpid(pid, 0)
    before = entries(folders)

    sweeping.sweep(folders)

    assert before == [f"{NEW}{'a' * 64}"]
    assert entries(folders) == []


def test_the_name_of_one_that_was_not_made_to_the_end_is_taken_away(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.make()
    pid = os.fork()
    if pid == 0:
        # As if it was killed when it had its name, and nothing was written of it.
        monkeypatch.setattr(documents, "write", lambda *_: os._exit(0))
        making.make(folders, Container("a" * 64, "web", "", (), Settings("x"), by_run=True), lambda: None)
    os.waitpid(pid, 0)
    before = os.listdir(folders.names)

    sweeping.sweep(folders)

    assert before == ["web"]
    assert os.listdir(folders.names) == entries(folders) == []


def test_one_that_is_being_made_is_left_alone(folders: Folders) -> None:
    def look() -> None:
        sweeping.sweep(folders)

    container, lock = making.make(folders, Container("a" * 64, "", "", (), Settings("x"), by_run=True), look)

    sweeping.sweep(folders)
    os.close(lock)
    assert records.read(folders.place("a" * 64)) == container


def test_one_that_was_made_since_its_first_name_was_seen_keeps_what_its_run_needs(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(folders, "web")
    place = folders.place(made.id)
    os.mkdir(place.passing)
    seen = {folders.containers: [f"{NEW}{made.id}"]}
    monkeypatch.setattr(sweeping, "_listed", lambda folder: seen.get(folder, []))

    sweeping.sweep(folders)

    assert os.path.isdir(place.passing)
    assert records.read(place) == made


def test_a_removal_that_was_interrupted_is_finished(folders: Folders) -> None:
    made = make(folders, "web", by_run=True)
    os.rename(folders.place(made.id).lasting, folders.place(made.id, GONE).lasting)

    sweeping.sweep(folders)

    assert entries(folders) == []


def test_one_that_was_to_be_removed_goes_if_it_was_never_started(folders: Folders) -> None:
    make(folders, by_run=True, remove=True)
    created = make(folders, remove=True)
    kept = make(folders, by_run=True)

    sweeping.sweep(folders)

    assert {place.container for place in finding.all_of(folders)} == {created.id, kept.id}
    assert os.listdir(folders.passing) == []


def test_a_name_whose_container_was_never_seen_is_free(folders: Folders) -> None:
    folders.make()
    os.symlink("a" * 64, f"{folders.names}/web")

    assert make(folders, "web").name == "web"


def test_a_description_that_is_none_is_told(folders: Folders) -> None:
    place = folders.place(make(folders).id)
    Path(place.description).write_text("{}")

    with pytest.raises(RecordInvalid, match=r"container\.json"):
        records.read(place)
