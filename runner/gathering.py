"""Writing, for each of `launching.STARTS`, one file of all that it loads: to read it is quicker than to look for each.

What a start has no use for is not in it: docstrings, assertions, which are the type checker's, and the annotations of
functions. Hence nothing that is gathered may look at them.

`python -m runner.gathering [FOLDER]` is what `make install` does, where the folder is that of the packages, as the
launchers will find it, if they are to be moved there.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator
    from types import CodeType, ModuleType
    from typing import Any, Final

    from runner.launching import Part

_FOLDER = __file__.rpartition("/runner/")[0]
# Of compile(): assertions and docstrings are left out.
_WITHOUT_DOCSTRINGS: Final = 2


def write_all(interpreter: str, folder: str = _FOLDER) -> None:
    """Write the files, beside the compiled ones, but for those that are still true.

    Args:
        interpreter: what the launchers name. Each file is written by one of its own, that loads what will be loaded.
        folder: where the packages will be.
    """
    import subprocess

    from runner import launching

    def is_true(name: str) -> bool:
        """Whether the file is, and that of what is there before, which decides about what is in it."""
        return name not in launching.STARTS or (
            bool(launching.gathered(_FOLDER, name)) and is_true(launching.STARTS[name])
        )

    for name in [name for name in launching.STARTS if not is_true(name)]:
        subprocess.run([interpreter, "-I", "-S", __file__, name, folder], check=True)  # noqa: S603 - this file


def _write(name: str, folder: str) -> None:
    """Write one; this process has to be a bare interpreter."""
    from marshal import dumps

    from runner import launching

    __import__(launching.STARTS[name])
    # It is there already, but a file that it wrote or reads in another way must not count any more.
    loaded: list[ModuleType] = [launching]
    _record(loaded)
    __import__(name)
    # As they are now: what follows loads others.
    descriptions, codes = zip(*_parts(tuple(loaded), folder), strict=True)
    described = dumps(descriptions)
    length = len(described).to_bytes(launching.LENGTH_BYTES, "little")
    content = launching.GATHERED_BEGINNING + length + described + dumps(codes)
    path = launching.gathered_path(_FOLDER, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    hidden = f"{path}.{os.getpid()}"
    with open(hidden, "wb") as file:
        file.write(content)
    os.chmod(hidden, 0o644)
    os.replace(hidden, path)


def _record(loaded: list[ModuleType]) -> None:
    """Have each module that comes from a file noted when it has been executed, hence after all that it needs."""
    from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader

    def record(kind: type[Any]) -> None:
        execute = kind.exec_module

        def exec_module(loader: object, module: ModuleType) -> None:
            execute(loader, module)
            loaded.append(module)

        kind.exec_module = exec_module

    record(ExtensionFileLoader)
    record(SourceFileLoader)


def _parts(loaded: Iterable[ModuleType], folder: str) -> Iterator[Part]:
    for module in loaded:
        path = str(module.__file__)
        found = os.stat(path)
        place = os.path.relpath(path, _FOLDER) if path.startswith(f"{_FOLDER}/") else path
        code = _compiled(path, os.path.join(folder, place)) if path.endswith(".py") else None
        yield (module.__name__, place, int(found.st_mtime), found.st_size, hasattr(module, "__path__")), code


def _compiled(path: str, shown: str) -> CodeType:
    import __future__

    import ast

    with open(path, "rb") as file:
        tree = ast.parse(file.read())
    _strip(tree)
    # What the import that was stripped has said.
    flags = __future__.annotations.compiler_flag
    code: CodeType = compile(tree, shown, "exec", flags=flags, dont_inherit=True, optimize=_WITHOUT_DOCSTRINGS)
    return code


def _strip(tree: ast.Module) -> None:
    """Take annotations away, and the import that postpones them: it looks for a file, like any other."""
    import ast

    tree.body = [each for each in tree.body if not isinstance(each, ast.ImportFrom) or each.module != "__future__"]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None


if __name__ == "__main__":
    if sys.flags.no_site:
        sys.path.insert(0, _FOLDER)
        _write(*sys.argv[1:])
    else:
        write_all(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), *sys.argv[1:])
