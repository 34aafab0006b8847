"""The launchers, as `make install` writes them."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from runner.installation import write_runner, write_runtime

ROOT = Path(__file__).parents[2]
BASE = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def said(*words: str | Path) -> str:
    return subprocess.run([*map(str, words)], check=True, capture_output=True, text=True).stdout


def test_both_commands_start_without_site_packages(tmp_path: Path) -> None:
    packages = sysconfig.get_path("purelib")
    assert write_runner(str(tmp_path / "runner"), BASE, str(ROOT), python=sys.executable, packages=packages)
    assert write_runtime(str(tmp_path / "runner-oci"), BASE, str(ROOT))

    assert said(tmp_path / "runner", "--version").startswith("Moorage runner version ")
    assert said(tmp_path / "runner", "--root", tmp_path / "root", "images", "--quiet") == ""
    assert said(tmp_path / "runner-oci", "--version").startswith("runner-oci version ")


def test_an_interpreter_that_no_first_line_can_name_has_no_launcher(tmp_path: Path) -> None:
    for interpreter in ("/a b/python", f"/{'x' * 250}/python"):
        assert not write_runtime(str(tmp_path / "command"), interpreter, str(ROOT))

    assert list(tmp_path.iterdir()) == []
