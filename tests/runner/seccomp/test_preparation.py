import os
from pathlib import Path

import pytest

from runner.seccomp import preparation
from runner.seccomp.compiler import compile_profile
from runner.seccomp.errors import SeccompProfileInvalid
from runner.seccomp.preparation import prepare
from runner.seccomp.profile import FLAGS, SeccompProfile

DOCUMENT: dict[str, object] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_S390X"],
    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
    "syscalls": [{"names": ["swapon", "no_such_call\n"], "action": "SCMP_ACT_ERRNO"}],
}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "state" / "seccomp"


def programs(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.json"))


def test_a_program_is_what_its_profile_compiles_to() -> None:
    prepared = prepare(DOCUMENT)

    assert prepared.program == compile_profile(SeccompProfile.parse(DOCUMENT), os.uname().machine).program
    assert prepared.flags == FLAGS["SECCOMP_FILTER_FLAG_LOG"]
    assert prepared.warnings == (
        r"seccomp: no such system calls: no_such_call\n",
        "seccomp: programs of these are killed: S390X",
    )


def test_a_remembered_program_is_the_same(cache: Path) -> None:
    first = prepare(DOCUMENT, str(cache))
    (remembered,) = programs(cache)
    written = remembered.stat()

    second = prepare(DOCUMENT, str(cache))

    assert (second.program, second.flags, second.warnings) == (first.program, first.flags, first.warnings)
    assert remembered.stat().st_mtime_ns == written.st_mtime_ns
    assert written.st_mode & 0o077 == 0 or cache.stat().st_mode & 0o077 == 0


def test_another_profile_and_a_newer_compiler_have_another_program(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(DOCUMENT, str(cache))
    prepare({"defaultAction": "SCMP_ACT_ALLOW"}, str(cache))
    assert len(programs(cache)) == 2

    # Another installation of the same code.
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "compiler.py").write_text("")
    monkeypatch.setattr(preparation, "_DIRECTORY", str(tmp_path / "code"))
    prepare(DOCUMENT, str(cache))

    assert len(programs(cache)) == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"program": "xx"}', '{"program": "", "flags": 0}'])
def test_a_torn_file_is_made_anew(cache: Path, content: str) -> None:
    first = prepare(DOCUMENT, str(cache))
    (remembered,) = programs(cache)
    remembered.write_text(content)

    assert prepare(DOCUMENT, str(cache)).program == first.program
    assert remembered.stat().st_size > len(content)


def test_a_directory_that_others_may_write_to_is_not_used(cache: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)

    assert prepare(DOCUMENT, str(cache)).program
    assert not programs(cache)


def test_a_link_to_a_directory_is_not_used(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")

    assert prepare(DOCUMENT, str(cache)).program
    assert not programs(tmp_path / "elsewhere")


def test_a_place_that_cannot_be_used_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert prepare(DOCUMENT, str(tmp_path / "file" / "seccomp")).program


def test_not_all_programs_are_remembered_for_ever(cache: Path) -> None:
    for number in range(70):
        prepare({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": number}, str(cache))

    assert 0 < len(programs(cache)) <= 64


def test_what_is_no_profile_is_refused_each_time(cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(SeccompProfileInvalid):
            prepare({"defaultAction": "ALLOW"}, str(cache))

    assert not programs(cache)
