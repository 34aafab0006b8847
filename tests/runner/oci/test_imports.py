"""What a start loads: each module costs every container its time, and one that is loaded late could be the image's."""

import subprocess
import sys

import pytest

from tests.runner.oci.bundles import LAUNCHER

ALLOWED = {
    "__future__", "_abc", "_blake2", "_codecs", "_collections", "_collections_abc", "_ctypes", "_frozen_importlib",
    "_frozen_importlib_external", "_imp", "_io", "_json", "_signal", "_socket", "_stat", "_struct", "_thread",
    "_warnings", "_weakref", "_weakrefset", "_locale", "abc", "builtins", "codecs", "encodings", "errno",
    "fcntl", "genericpath", "io", "marshal", "math", "nt", "ntpath", "os", "posix", "posixpath", "resource", "select",
    "stat", "struct", "sys", "termios", "time", "winreg", "zipimport", "runner", "oci_spec", "__main__",
}  # fmt: skip
"""The interpreter's own first modules, those in C, and few besides."""


def loaded(*modules: str) -> set[str]:
    """The first names of all modules that are there after these were imported, in a bare interpreter."""
    folder = str(LAUNCHER.parents[2])
    program = f"import sys; sys.path.insert(0, {folder!r}); import {', '.join(modules)}; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in printed.stdout.split()}


@pytest.mark.parametrize("command", ["create", "start", "run", "exec", "state", "kill", "delete"])
def test_a_command_loads_nothing_that_is_not_on_the_list(command: str) -> None:
    assert loaded("runner.oci.main", f"runner.oci.commands.{command}") - ALLOWED == set()


@pytest.mark.parametrize("command", ["start", "state", "kill", "delete", "pause", "resume", "ps"])
def test_what_makes_containers_is_loaded_by_those_who_do(command: str) -> None:
    assert not {"_blake2", "struct"} & loaded(f"runner.oci.commands.{command}")
    assert {"_blake2", "struct"} <= loaded("runner.oci.commands.create")


def test_what_is_loaded_before_the_interpreter_is_protected_is_less_still() -> None:
    assert "_ctypes" not in loaded("runner.oci.main")


def test_a_child_loads_from_no_file_but_has_all_of_os() -> None:
    folder = str(LAUNCHER.parents[2])
    work = "print(os.fsencode('a'), flush=True); import textwrap"
    program = (
        f"import sys; sys.path.insert(0, {folder!r}); from runner import launching; from runner.oci import children; "
        "children.run(type('Told', (), {'send': staticmethod(print)}), lambda: exec(sys.argv[1], {'os': launching.os}))"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-u", "-c", program, work], capture_output=True, text=True, check=False
    )

    assert told.stdout.splitlines() == ["b'a'", "error ModuleNotFoundError: No module named 'textwrap'"]
    assert told.returncode
