"""Writing the launcher: a script that starts the interpreter without site packages, which takes a third of its time.

`python -m runner.oci.installation FILE [FOLDER]` is what `make install` does, where the folder is that of this package
unless it is told; a wheel's own script works too, only slower.
"""

from __future__ import annotations

import os
import sys

_LONGEST_FIRST_LINE = 250
"""What the kernel reads of a script's first line (execve(2), "Interpreter scripts")."""

_SCRIPT = """\
#!{interpreter} -IS
import sys
sys.path.insert(0, {folder!r})
import runner.oci.launch
"""


def write_launcher(path: str, interpreter: str, folder: str) -> bool:
    """Write the launcher; False where the interpreter's path cannot stand in a script's first line.

    Args:
        path: the file, which is replaced as a whole.
        interpreter: of the system's Python, or of what the virtual environment was made with.
        folder: where the package `runner` is.
    """
    if " " in interpreter or len(os.fsencode(interpreter)) > _LONGEST_FIRST_LINE - len("#! -IS\n"):
        return False
    hidden = f"{path}.{os.getpid()}"
    with open(hidden, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(_SCRIPT.format(interpreter=interpreter, folder=folder))
    os.chmod(hidden, 0o755)  # noqa: S103 - a command is for everybody
    os.replace(hidden, path)
    return True


if __name__ == "__main__":
    base = getattr(sys, "_base_executable", sys.executable)
    write_launcher(sys.argv[1], os.path.realpath(base), [__file__.rpartition("/runner/oci/")[0], *sys.argv[2:]][-1])
