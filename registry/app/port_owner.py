"""Who listens on a port, as far as Linux lets this user see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING: Final = "0A"
_COMMAND_CHARACTERS: Final = 120


@dataclass(frozen=True, slots=True)
class PortOwner:
    """A process and its command line, shortened to be told in a sentence."""

    pid: int
    command: str


def find_port_owner(port: int) -> PortOwner | None:
    """The process that listens on TCP port `port` of any address; None when it cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        # Processes end while they are looked at, and those of other users do not show their descriptors.
        with suppress(OSError):
            if any(str(descriptor.readlink()) in sockets for descriptor in (process / "fd").iterdir()):
                return PortOwner(int(process.name), _command(process))
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in _TABLES:
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                address, state, inode = fields[1], fields[3], fields[9]
                if state == _LISTENING and int(address.rpartition(":")[2], 16) == port:
                    yield inode


def _command(process: Path) -> str:
    words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    text = b" ".join(words).decode(errors="replace")
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= _COMMAND_CHARACTERS else f"{printable[:_COMMAND_CHARACTERS]}…"
