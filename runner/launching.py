"""What the launchers of commands do before all else and after it, so that a command begins and ends sooner."""

# Annotations are quoted, not postponed: Python would look for that in a directory of hundreds, at every start.
import posix
import sys
from _frozen_importlib import FrozenImporter, ModuleSpec, module_from_spec
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader
from _thread import RLock
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from types import CodeType, ModuleType
    from typing import Final, NoReturn

    # A module: its name; its file's path, from the packages' folder on if it is there; that file's time of change and
    # size when it was gathered; and whether it is a package.
    Description = tuple[str, str, int, int, bool]
    # And its code, which one that is written in C has not got.
    Part = tuple[Description, CodeType | None]
else:
    Loader = object
    ModuleType = type(sys)


class _Postponed(ModuleType):
    """A module that executes its code when something is asked for that it lacks; from then on it is a usual one."""

    def __getattr__(self, name: str) -> object:
        with _executing:
            spec = self.__spec__
            if type(self) is _Postponed and spec is not None and spec.loader is not None:
                spec.loader.exec_module(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
        return getattr(self, name)


_executing: "Final" = RLock()


def _postpone_os() -> None:
    """Have what `os` takes from its part that is written in C before the rest of it: a start can do with that."""
    spec = FrozenImporter.find_spec("os")
    if spec is None or "os" in sys.modules:
        return
    postponed = module_from_spec(spec)
    names = vars(postponed)
    names.update({name: value for name, value in vars(posix).items() if not name.startswith("_")})
    # It is of text in `os`.
    del names["environ"]
    names["_exit"] = posix._exit
    postponed.__class__ = _Postponed
    sys.modules["os"] = postponed
    import posixpath

    sys.modules["os.path"] = names["path"] = posixpath


_postpone_os()

import os  # noqa: E402 - only now

STARTS: "Final" = {
    "runner.cli.main": "runner.launching",
    "runner.cli.table": "runner.cli.main",
    "runner.cli.commands.exec": "runner.cli.main",
    "runner.cli.further": "runner.cli.commands.exec",
    "runner.cli.running": "runner.cli.main",
    "runner.containers.spawning": "runner.cli.main",
    "runner.containers.monitor.main": "runner.launching",
    "runner.containers.further.serving": "runner.containers.monitor.main",
    "runner.oci.kernel.mounts": "runner.oci.protection",
    "runner.oci.protection": "runner.launching",
    "runner.oci.main": "runner.oci.protection",
    "runner.oci.commands.create": "runner.oci.main",
    "runner.oci.commands.delete": "runner.oci.main",
    "runner.oci.commands.exec": "runner.oci.main",
    "runner.oci.commands.kill": "runner.oci.main",
    "runner.oci.commands.run": "runner.oci.main",
    "runner.oci.commands.start": "runner.oci.main",
    "runner.oci.commands.state": "runner.oci.main",
}
"""Modules for which there is one file of all that they load, and what is there before that (`runner.gathering`)."""

GATHERED_BEGINNING: "Final" = MAGIC_NUMBER + f"2 {sys.version} {sys.base_exec_prefix}\n".encode()
"""What such a file begins with: the number of its form, and what tells that it is this interpreter's."""

LENGTH_BYTES: "Final" = 4
"""Of the number that follows: how long the descriptions are that come before the codes."""

_OWN: "Final" = frozenset({"runner", "oci_spec"})
_SUFFIX: "Final" = f".{sys.implementation.cache_tag}.pyc"
# What a compiled file begins with that is checked by the time and the size of its source (PEP 552).
_BEGINNING: "Final" = MAGIC_NUMBER + bytes(4)
_HEADER_BYTES: "Final" = 16
# As much as most need. From 128 KiB on the allocator maps memory for each read anew, which takes longer than the read.
_PIECE_BYTES: "Final" = 32 * 1024
_OTHERS_WRITE: "Final" = 0o022


def open_standard_streams() -> None:
    """Have /dev/null at each of the descriptors 0, 1 and 2 that whoever called has left closed.

    Else the next file that is opened would be taken for a standard stream: read from, or written to.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free, hence this one. Programs that are executed here find it, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # Python has none where there was none at its beginning.
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


def import_quickly() -> None:
    """Have this program's own modules loaded from their compiled files, without a search for each.

    Python's own way asks every finder and lists every directory, which takes longer than to load what is found.
    """
    if not sys.flags.optimize:
        sys.meta_path.insert(0, _CompiledFiles(__file__.rpartition("/runner/")[0]))


def end(status: int) -> "NoReturn":
    """End this process with what it has written, but without tearing down the interpreter.

    To tear it down takes longer than many a command; nothing is left to be done.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Where nobody reads them any more, too.
        os._exit(status)


class _CompiledFiles(Loader):
    """Finds and loads modules by the compiled files beside their sources.

    A file that is missing, or is not of the source as it is now, is left to Python's own way, which writes it anew.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._found: dict[str, CodeType] = {}

    def find_spec(
        self, name: str, _path: "Sequence[str] | None", _target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """The module of this name, if there is a compiled file that fits."""
        if name.partition(".")[0] not in _OWN:
            return None
        parts = gathered(self._folder, name) if name in STARTS else ()
        if parts and (code := parts[-1][1]) is not None:
            for description, needed in parts[:-1]:
                if description[0] not in sys.modules:
                    _import_part(self._folder, description, needed)
            self._found[name] = code
            return ModuleSpec(name, self, origin=os.path.join(self._folder, parts[-1][0][1]))
        place = f"{self._folder}/{name.replace('.', '/')}"
        folder, _, last = place.rpartition("/")
        for source, compiled in (
            (f"{place}.py", f"{folder}/__pycache__/{last}{_SUFFIX}"),
            (f"{place}/__init__.py", f"{place}/__pycache__/__init__{_SUFFIX}"),
        ):
            code = _read(source, compiled)
            if code is not None:
                self._found[name] = code
                is_package = source.endswith("/__init__.py")
                spec = ModuleSpec(name, self, origin=source, is_package=is_package)
                if is_package:
                    spec.submodule_search_locations = [place]
                return spec
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave that to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute what was found."""
        spec = module.__spec__
        if spec is not None:
            module.__file__ = spec.origin
            exec(self._found.pop(spec.name), module.__dict__)  # noqa: S102 - that is what to import means


def gathered_path(folder: str, name: str) -> str:
    """Where all that the module of this name loads is in one file."""
    place, _, last = f"{folder}/{name.replace('.', '/')}".rpartition("/")
    return f"{place}/__pycache__/{last}.{sys.implementation.cache_tag}.start"


def gathered(folder: str, name: str) -> "Sequence[Part]":
    """All that the module of this name loads, each after what it needs itself, and the module at last.

    There is nothing where no file holds that, or where it is not true any more.
    """
    try:
        content = _read_own(gathered_path(folder, name))
        if not content.startswith(GATHERED_BEGINNING):
            return ()
        rest = memoryview(content)[len(GATHERED_BEGINNING) :]
        behind = LENGTH_BYTES + int.from_bytes(rest[:LENGTH_BYTES], "little")
        # As trustworthy as the sources, whose owner wrote it, or root.
        descriptions: Sequence[Description] = loads(rest[LENGTH_BYTES:behind])  # noqa: S302
        for _, path, changed, size, _ in descriptions:
            found = os.stat(os.path.join(folder, path))
            if int(found.st_mtime) != changed or found.st_size != size:
                return ()
    except OSError:
        return ()
    # Only now, since it takes the longest.
    return tuple(zip(descriptions, loads(rest[behind:]), strict=True))  # noqa: S302 - the same


def _read_own(path: str) -> bytes:
    """The file's content; none where anybody but the owner of this program, or root, could have written it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_mode & _OTHERS_WRITE or found.st_uid not in {0, os.stat(__file__).st_uid}:
            return b""
        return os.read(descriptor, found.st_size)
    finally:
        os.close(descriptor)


def _import_part(folder: str, description: "Description", code: "CodeType | None") -> None:
    """What Python's own way does, but for its search and its locks: at a start nobody else imports anything."""
    name, path, _, _, is_package = description
    place = os.path.join(folder, path)
    if code is None:
        loader = ExtensionFileLoader(name, place)
        sys.modules[name] = written_in_c = module_from_spec(ModuleSpec(name, loader, origin=place))
        loader.exec_module(written_in_c)
        return
    module = ModuleType(name)
    parent, _, last = name.rpartition(".")
    if parent and parent not in sys.modules:
        # What is loaded before has changed since this was gathered.
        __import__(parent)
    module.__file__ = place
    module.__package__ = name if is_package else parent
    if is_package:
        module.__path__ = [place.rpartition("/")[0]]
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - as above
    except BaseException:
        del sys.modules[name]
        raise
    if parent:
        setattr(sys.modules[parent], last, module)


def _read(source: str, compiled: str) -> "CodeType | None":
    try:
        descriptor = os.open(compiled, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = piece = os.read(descriptor, _PIECE_BYTES)
            while len(piece) == _PIECE_BYTES:
                piece = os.read(descriptor, _PIECE_BYTES)
                content += piece
        finally:
            os.close(descriptor)
        found = os.stat(source)
    except OSError:
        return None
    described = (int(found.st_mtime), found.st_size)
    header = _BEGINNING + b"".join((number & 0xFFFF_FFFF).to_bytes(4, "little") for number in described)
    if content[:_HEADER_BYTES] != header:
        return None
    # As trustworthy as the source: both are the installation's.
    code: CodeType = loads(memoryview(content)[_HEADER_BYTES:])  # noqa: S302
    return code
