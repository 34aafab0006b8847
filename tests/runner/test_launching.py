"""What launchers do: own modules come from their compiled files, unless these are not of the sources as they are."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner import launching

FOLDER = Path(runner.__file__).parent
QUICKLY = "_CompiledFiles"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A package `runner` with little in it, and compiled."""
    place = tmp_path / "runner"
    (place / "inner").mkdir(parents=True)
    for name in ("__init__.py", "launching.py"):
        shutil.copy(FOLDER / name, place / name)
    (place / "inner" / "__init__.py").write_text("")
    (place / "inner" / "told.py").write_text("TEXT = 'as it was'\n")
    compileall.compile_dir(place, quiet=2)
    return place


@pytest.fixture
def gathered(copied: Path) -> Path:
    """The same with a start, `runner.cli.main`, and with all that this loads in one file."""
    place = copied / "cli"
    place.mkdir()
    (place / "__init__.py").write_text("")
    (place / "main.py").write_text("import _socket, runner.cli.later\nfrom runner.inner import told\n")
    (place / "later.py").write_text("from runner.inner import told\nMORE = told.TEXT\n")
    gathering = shutil.copy(FOLDER / "gathering.py", copied)
    compileall.compile_dir(copied, quiet=2)
    subprocess.run([sys.executable, "-I", "-S", gathering, "runner.cli.main", copied.parent], check=True)
    return Path(launching.gathered_path(str(copied.parent), "runner.cli.main"))


def said(place: Path, program: str, *flags: str, status: int = 0) -> str:
    begin = f"import sys; sys.path.insert(0, {str(place.parent)!r}); from runner import launching; "
    done = subprocess.run(
        [sys.executable, "-I", "-S", *flags, "-c", f"{begin}launching.import_quickly(); {program}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout.strip()


SHOWN = "from runner.inner import told; print(told.TEXT, type(told.__spec__.loader).__name__, told.__file__)"


def test_a_module_comes_from_its_compiled_file(copied: Path) -> None:
    assert said(copied, SHOWN) == f"as it was {QUICKLY} {copied}/inner/told.py"
    assert said(copied, "import runner.inner; print(*runner.inner.__path__)") == f"{copied}/inner"


@pytest.mark.parametrize("text", ["TEXT = 'otherwise'\n", "TEXT = 'as it is '\n"])
def test_a_source_that_was_changed_counts(copied: Path, text: str) -> None:
    source = copied / "inner" / "told.py"
    was = source.stat()
    source.write_text(text)
    if source.stat().st_size == was.st_size:
        # The other half of what tells: a clock that is slow to move must not hide it.
        os.utime(source, (was.st_atime + 5, was.st_mtime + 5))

    assert said(copied, SHOWN) == f"{text[8:-2]} SourceFileLoader {source}"


@pytest.mark.parametrize("content", [b"", b"no compiled file", None])
def test_what_is_no_compiled_file_is_left_to_python(copied: Path, content: bytes | None) -> None:
    [compiled] = (copied / "inner" / "__pycache__").glob("told.*")
    if content is None:
        compiled.unlink()
    else:
        compiled.write_bytes(content)

    assert said(copied, SHOWN) == f"as it was SourceFileLoader {copied}/inner/told.py"


def test_a_compiled_file_whose_source_is_gone_is_no_module(copied: Path) -> None:
    (copied / "inner" / "told.py").unlink()

    assert said(copied, "import runner.inner.told", status=1) == ""


TOGETHER = (
    "from runner.cli import main; from runner.inner import told; import sys; "
    "print(told.TEXT, main.runner.cli.later.MORE == told.TEXT, told.__spec__, told.__file__, told.__package__, "
    "main.runner.inner.__path__, '_socket' in sys.modules)"
)
"""Who came from the one file has no specification: nobody had to look for it."""


def test_all_that_a_start_loads_comes_from_one_file(copied: Path, gathered: Path) -> None:
    shutil.rmtree(copied / "inner" / "__pycache__")

    told = f"as it was True None {copied}/inner/told.py runner.inner ['{copied}/inner'] True"
    assert said(copied, TOGETHER) == told
    assert gathered.stat().st_mode & 0o777 == 0o644
    assert not (copied / "inner" / "__pycache__").exists()


@pytest.mark.parametrize("spoil", ["source", "time", "launching", "gone", "empty", "interpreter", "writable", "owner"])
def test_what_was_gathered_counts_only_as_long_as_it_is_all_true(copied: Path, gathered: Path, spoil: str) -> None:
    source = copied / "inner" / "told.py"
    content = gathered.read_bytes()
    match spoil:
        case "source":
            source.write_text("TEXT = 'as it is'\n")
        case "time":
            os.utime(source, (0, 0))
        case "launching":
            os.utime(copied / "launching.py", (0, 0))
        case "gone":
            gathered.unlink()
        case "empty":
            gathered.write_bytes(b"")
        case "interpreter":
            gathered.write_bytes(content.replace(sys.version.encode(), sys.version.upper().encode(), 1))
        case "writable":
            gathered.chmod(0o664)
        case "owner":
            if os.geteuid():
                pytest.skip("only root can give a file away")
            os.chown(gathered, 1, -1)

    told = said(copied, TOGETHER)
    assert told.startswith("as it is True ModuleSpec(" if spoil == "source" else "as it was True ModuleSpec(")


def test_a_module_that_fails_is_as_if_it_had_not_been_imported(copied: Path, gathered: Path) -> None:
    failing = "try:\n import runner.cli.main\nexcept ImportError:\n print('runner.cli.later' in sys.modules)"

    assert said(copied, f"sys.modules['runner.inner.told'] = None\n{failing}") == "False"


def test_optimised_code_is_pythons_own_matter(copied: Path) -> None:
    assert "SourceFileLoader" in said(copied, SHOWN, "-O")


def test_every_start_is_gathered_as_a_whole(tmp_path: Path) -> None:
    for package in ("runner", "oci_spec"):
        shutil.copytree(FOLDER.parent / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    gather = [sys.executable, "-m", "runner.gathering"]
    subprocess.run(gather, cwd=tmp_path, check=True)
    written = {path: path.stat().st_ino for path in tmp_path.rglob("*.start")}
    assert len(written) == len(launching.STARTS)

    # What is true stays; what is not is written anew.
    (tmp_path / "runner/containers/monitor/logs.py").touch()
    subprocess.run(gather, cwd=tmp_path, check=True)
    changed = [path for path, file in written.items() if path.stat().st_ino != file]
    # So do those whose parts are what is not loaded before them.
    touched = ("runner.containers.monitor.main", "runner.containers.further.serving")
    assert sorted(changed) == sorted(Path(launching.gathered_path(str(tmp_path), name)) for name in touched)

    for start, before in launching.STARTS.items():
        program = (
            f"import sys, {before}; old = set(sys.modules); import {start}; new = set(sys.modules) - old; "
            "print(*(name for name in new if getattr(sys.modules[name].__spec__, 'origin', '').endswith('.py')))"
        )
        # But for itself, and the packages that it is in.
        assert all(start.startswith(name) for name in said(tmp_path / "runner", program).split())


def test_what_was_written_is_there_after_the_end(copied: Path) -> None:
    assert said(copied, "print('all of it', end=''); launching.end(3)", status=3) == "all of it"


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_standard_stream_that_is_closed_becomes_no_other_file(copied: Path, closed: int) -> None:
    program = (
        f"import os, sys; os.close({closed}); sys.{('stdin', 'stdout', 'stderr')[closed]} = None; "
        "launching.open_standard_streams(); told = os.memfd_create('told'); "
        f"sys.stdout.write(''); sys.stderr.write(''); sys.stdin.read(); os.get_inheritable({closed}) or sys.exit(5); "
        f"sys.exit(3 if told > 2 and os.readlink('/proc/self/fd/{closed}') == os.devnull else 4)"
    )

    assert said(copied, program, status=3) == ""


def test_what_is_gathered_has_no_more_than_a_start_needs(copied: Path, gathered: Path) -> None:
    (copied / "inner" / "told.py").write_text(
        "from __future__ import annotations\nimport sys\nclass Told:\n 'What it is.'\n TEXT: Unknown = 'shown'\n"
        " def show(self, width: Unknown, *rest: Unknown) -> Unknown:\n  'Show it.'\n  print(self.TEXT)\nTEXT = 1\n"
    )
    gather = [sys.executable, "-I", "-S", str(copied / "gathering.py"), "runner.cli.main", str(copied.parent)]
    subprocess.run(gather, check=True)

    program = (
        "import sys, runner.cli.main; from runner.inner.told import Told; Told().show(1); "
        "print(Told.__annotations__, Told.__doc__, Told.show.__annotations__, '__future__' in sys.modules)"
    )
    assert said(copied, program) == "shown\n{'TEXT': 'Unknown'} None {} False"


def test_what_was_gathered_counts_even_where_less_is_there_before(copied: Path, gathered: Path) -> None:
    (copied / "cli" / "table.py").write_text("from runner.inner import told\nfrom runner.later import inner\n")
    (copied / "later").mkdir()
    (copied / "later" / "__init__.py").write_text("")
    (copied / "later" / "inner.py").write_text("")
    main = copied / "cli" / "main.py"
    main.write_text("import runner.inner, runner.later\n")
    gather = [sys.executable, "-I", "-S", str(copied / "gathering.py"), "runner.cli.table", str(copied.parent)]
    subprocess.run(gather, check=True)
    main.write_text("")

    program = (
        "import sys, runner.cli.table; print(runner.cli.table.inner.__name__, type(runner.later.__spec__).__name__)"
    )
    assert said(copied, program) == "runner.later.inner ModuleSpec"


POSTPONED = "import os, sys; known = {**vars(os)}; print('_collections_abc' in sys.modules); "


@pytest.mark.parametrize("asked", ["os.environ", "from os import fsencode", "import os.path; os.walk", "os.__all__"])
def test_the_rest_of_os_is_there_when_it_is_asked_for(copied: Path, asked: str) -> None:
    program = (
        f"{POSTPONED} os.path.join(os.getcwd(), 'a'); {asked}; "
        "changed = [name for name in known if not name.startswith('__') and known[name] is not getattr(os, name)]; "
        "print('_collections_abc' in sys.modules, type(os).__name__, changed, sys.modules['os'] is os)"
    )
    assert said(copied, program) == "False\nTrue module [] True"


def test_of_os_there_is_only_what_is_the_same_as_a_whole(copied: Path) -> None:
    told = said(copied, "import os; print(hasattr(os, 'environ'), type(os.environ).__name__, hasattr(os, 'nothing'))")

    assert told == "True _Environ False"


MANY_ASK = """
import os, sys, _thread
ready, found = [], []
def ask():
    ready.append(True)
    while len(ready) < 8:
        pass
    try:
        found.append(repr(os.walk) + repr(os.sep))
    except AttributeError as error:
        found.append(error)
sys.setswitchinterval(1e-6)
for _ in range(8):
    _thread.start_new_thread(ask, ())
while len(found) < 8:
    pass
print(len(set(found)))
"""


def test_many_threads_may_ask_for_the_rest_of_os_at_once(copied: Path) -> None:
    assert said(copied, MANY_ASK) == "1"


def test_where_os_is_there_already_it_stays(copied: Path) -> None:
    program = f"import os; import sys; sys.path.insert(0, {str(copied.parent)!r}); from runner import launching"
    shown = f"{program}; print(launching.os is os, type(os).__name__)"

    done = subprocess.run([sys.executable, "-I", "-S", "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True module"


@pytest.mark.parametrize("start", launching.STARTS)
def test_nothing_that_a_start_loads_needs_the_rest_of_os(start: str) -> None:
    program = f"import sys; from runner import launching; import {start}; print('_collections_abc' in sys.modules)"

    assert said(FOLDER, program) == "False"
