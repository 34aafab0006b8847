"""From the `linux.seccomp` of a configuration to a program, which is compiled once and then remembered on disk.

To load the compiler, read the default profile and compile it takes 4 ms, and a remembered program 0.9 ms.
"""

from __future__ import annotations

import os
from _blake2 import blake2b

from runner import text_files
from runner.json_text import decode, encode

_KEPT_PROGRAMS = 64
"""Most programs that are remembered: containers of one host have few profiles."""

_DIRECTORY = os.path.dirname(__file__)


class Prepared:
    """A program with what has to be known to load it."""

    __slots__ = ("flags", "program", "warnings")

    def __init__(self, program: bytes, flags: int, warnings: tuple[str, ...]) -> None:
        self.program = program
        """An array of struct sock_filter, for `loading.load`."""
        self.flags = flags
        """seccomp(2)'s bits, for `loading.load`."""
        self.warnings = warnings
        """What of the profile has no effect here, in words for the user."""


def prepare(document: object, cache: str | None = None) -> Prepared:
    """The filter that a `linux.seccomp` asks for on this machine.

    Args:
        document: as `json.loads` gives it.
        cache: a directory for programs, made if it is missing. It must not be writable for others: who writes there
            decides what containers may do, so one that is, or that cannot be used, is not used.

    Raises:
        SeccompError: the profile is none, or asks for what is not there.
    """
    machine = os.uname().machine
    path = _path(cache, machine, document) if cache is not None and _is_ours(cache) else None
    remembered = _read(path) if path is not None else None
    if remembered is not None:
        return remembered
    prepared = _compile(document, machine)
    if cache is not None and path is not None:
        _write(cache, path, prepared)
    return prepared


def _compile(document: object, machine: str) -> Prepared:
    # Only here: a start whose program is remembered does without them.
    from runner.seccomp.compiler import compile_profile
    from runner.seccomp.profile import SeccompProfile

    profile = SeccompProfile.parse(document)
    compiled = compile_profile(profile, machine)
    warnings = []
    if compiled.unknown_names:
        warnings.append(f"seccomp: no such system calls: {_shown(compiled.unknown_names)}")
    if compiled.unknown_architectures:
        warnings.append(f"seccomp: programs of these are killed: {_shown(compiled.unknown_architectures)}")
    return Prepared(compiled.program, profile.flags, tuple(warnings))


def _shown(names: tuple[str, ...]) -> str:
    return ascii(", ".join(names))[1:-1]


def _is_ours(cache: str) -> bool:
    """Whether nobody else can write to the directory, which is made if it is missing."""
    try:
        if not os.path.isdir(cache):
            os.makedirs(cache, mode=0o700, exist_ok=True)
        status = os.lstat(cache)
    except OSError:
        return False
    return status.st_uid == os.geteuid() and status.st_mode & 0o170022 == 0o040000


def _path(cache: str, machine: str, document: object) -> str:
    """Where the program is: the name holds all that it depends on, also which version of our own code made it."""
    with os.scandir(_DIRECTORY) as entries:
        code = sorted((each.name, each.stat().st_mtime_ns) for each in entries if each.name.endswith(".py"))
    key = blake2b(repr((machine, code, document)).encode("utf-8", "surrogatepass"), digest_size=20)
    return f"{cache}/{key.hexdigest()}.json"


def _read(path: str) -> Prepared | None:
    try:
        fields = decode(text_files.read(path))
        if not isinstance(fields, dict):
            return None
        return Prepared(bytes.fromhex(fields["program"]), fields["flags"], tuple(fields["warnings"]))
    except (OSError, ValueError, KeyError, TypeError):
        # Not there, or not whole: a file system may keep the name of a file and lose its content.
        return None


def _write(cache: str, path: str, prepared: Prepared) -> None:
    """Remember a program; a disk that does not take it costs the next start its time, and no more."""
    fields = {"program": prepared.program.hex(), "flags": prepared.flags, "warnings": prepared.warnings}
    temporary = f"{path}.{os.getpid()}"
    try:
        if len(os.listdir(cache)) >= _KEPT_PROGRAMS:
            _clear(cache)
        text_files.write(temporary, encode(fields), 0o644)
        os.replace(temporary, path)
    except OSError:
        return


def _clear(cache: str) -> None:
    for name in os.listdir(cache):
        os.unlink(f"{cache}/{name}")
