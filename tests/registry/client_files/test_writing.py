"""Placing files on a machine that may have some."""

from pathlib import Path, PurePosixPath

import pytest

from registry.client_files import writing
from registry.client_files.target import ClientFile
from registry.client_files.writing import InTheWay

KEY = ClientFile(PurePosixPath("/etc/docker/certs.d/a:5000/client.key"), "key\n", 0o600)
OWN = ClientFile(PurePosixPath("/etc/docker/certs.d/a:5000/ca.crt"), "authority\n")
JSON = ClientFile(PurePosixPath("/etc/docker/daemon.json"), '{"insecure-registries": ["a:5000"]}', is_shared=True)
TOML = ClientFile(PurePosixPath("/etc/containerd/config.toml"), 'version = 2\n[a."b"]\nc = "d"\n', is_shared=True)
YAML = ClientFile(PurePosixPath("/etc/rancher/k3s/registries.yaml"), "mirrors:\n", is_shared=True)


def there(root: Path, file: ClientFile) -> Path:
    return root / str(file.path).lstrip("/")


def put(root: Path, file: ClientFile, content: str) -> Path:
    path = there(root, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def test_files_are_placed_with_their_modes_and_a_second_time_nothing_is_written(tmp_path: Path) -> None:
    first = writing.write([KEY, OWN, JSON], tmp_path)
    second = writing.write([KEY, OWN, JSON], tmp_path)

    assert first == [there(tmp_path, file) for file in (KEY, OWN, JSON)]
    assert second == []
    for file in (KEY, OWN, JSON):
        assert there(tmp_path, file).read_text() == file.content
        assert there(tmp_path, file).stat().st_mode & 0o777 == file.mode


def test_a_key_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    put(tmp_path, KEY, KEY.content).chmod(0o644)

    assert writing.write([KEY], tmp_path) == [there(tmp_path, KEY)]

    assert there(tmp_path, KEY).stat().st_mode & 0o777 == 0o600


def test_another_file_is_in_the_way_of_all_until_force_replaces_it(tmp_path: Path) -> None:
    other = put(tmp_path, OWN, "another authority\n")

    with pytest.raises(InTheWay, match=str(other)):
        writing.write([KEY, OWN], tmp_path)
    assert not there(tmp_path, KEY).exists()
    writing.overwrite([KEY, OWN], tmp_path)

    assert other.read_text() == OWN.content
    assert there(tmp_path, KEY).exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (JSON, '{"debug": true, "insecure-registries": ["b:5000", "a:5000"]}'),
        (TOML, 'version = 2\nroot = "/r"\n[a.b]\nc = "d"\ne = 1\n'),
    ],
)
def test_a_shared_file_that_says_it_already_stays_as_it_is(tmp_path: Path, file: ClientFile, content: str) -> None:
    path = put(tmp_path, file, content)

    assert writing.write([file, OWN], tmp_path) == [there(tmp_path, OWN)]

    assert path.read_text() == content


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (JSON, '{"debug": true}'),
        (JSON, '{"insecure-registries": ["b:5000"]}'),
        (JSON, '{"insecure-registries": "a:5000"}'),
        (JSON, "no JSON"),
        (TOML, "version = 3\n"),
        (TOML, "no TOML"),
        (YAML, "mirrors: {}\n"),
    ],
)
def test_a_shared_file_is_left_to_its_owner_even_with_force(tmp_path: Path, file: ClientFile, content: str) -> None:
    path = put(tmp_path, file, content)

    for place in (writing.write, writing.overwrite):
        with pytest.raises(InTheWay) as refused:
            place([file, OWN], tmp_path)
        assert f"add to {path} yourself" in str(refused.value)

    assert path.read_text() == content
    assert not there(tmp_path, OWN).exists()
