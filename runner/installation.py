"""Writing the launchers: scripts that start the interpreter without site packages, which takes a third of its time.

`python -m runner.installation BIN [FOLDER PYTHON]` is what `make install` does, where the folder is that of this
package and the Python this one unless they are told; a wheel's own scripts work too, only slower.
"""

from __future__ import annotations

import os
import sys

_LONGEST_FIRST_LINE = 250
"""What the kernel reads of a script's first line (execve(2), "Interpreter scripts")."""

_OCI = """\
#!{interpreter} -IS
import sys
sys.path.insert(0, {folder!r})
import runner.oci.launch
"""

# What the runtime does without, pulls need: other packages, and a Python that finds them by itself for their processes.
_RUNNER = """\
#!{interpreter} -IS
import sys
sys.executable = {python!r}
sys.path.insert(0, {folder!r})
sys.path.append({packages!r})
from runner.launching import import_quickly
import_quickly()
import runner.cli.launch
"""


def write_runtime(path: str, interpreter: str, folder: str) -> bool:
    """Write the launcher of `runner-oci`; False where the interpreter's path cannot stand in a script's first line.

    Args:
        path: the file, which is replaced as a whole.
        interpreter: of the system's Python, or of what the virtual environment was made with.
        folder: where the package `runner` is.
    """
    return _write(path, interpreter, _OCI.format(interpreter=interpreter, folder=folder))


def write_runner(path: str, interpreter: str, folder: str, *, python: str, packages: str) -> bool:
    """The same for `runner`.

    Args:
        path: the file.
        interpreter: as above.
        folder: as above.
        python: the Python of the virtual environment.
        packages: the directory of that one's packages.
    """
    text = _RUNNER.format(interpreter=interpreter, folder=folder, python=python, packages=packages)
    return _write(path, interpreter, text)


def _write(path: str, interpreter: str, text: str) -> bool:
    if " " in interpreter or len(os.fsencode(interpreter)) > _LONGEST_FIRST_LINE - len("#! -IS\n"):
        return False
    hidden = f"{path}.{os.getpid()}"
    with open(hidden, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    os.chmod(hidden, 0o755)  # noqa: S103 - a command is for everybody
    os.replace(hidden, path)
    return True


def _main(commands: str, *told: str) -> None:
    import sysconfig

    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    folder, python = told or (__file__.rpartition("/runner/")[0], sys.executable)
    packages = folder if told else sysconfig.get_path("purelib")
    write_runtime(f"{commands}/runner-oci", base, folder)
    write_runner(f"{commands}/runner", base, folder, python=python, packages=packages)


if __name__ == "__main__":
    _main(*sys.argv[1:])
