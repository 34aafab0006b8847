"""Which container has which address: files that outlive whoever wrote them.

A lease is a file whose name holds the address, the container and the host's end of its link, so that one look at the
directory tells all; its content is the ports that are published. It is written before anything is made, and removed
after everything is gone. Whether it still means something is the kernel's to say: a container's link goes with its
network namespace, so a lease without one is of a container that is gone, however it went.
"""

from __future__ import annotations

import fcntl
import json
import os

from runner.network.errors import NetworkFull
from runner.network.publications import Publication
from runner.network.subnets import Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER = "leases"
_LOCK = "lock"
_LAST = "last"
_SEPARATOR = "@"


class Lease:
    """An address that a container has."""

    __slots__ = ("address", "container", "link")

    def __init__(self, address: str, container: str, link: str) -> None:
        self.address = address
        self.container = container
        """The container's ID."""
        self.link = link
        """The name of the host's end of the link."""

    @property
    def name(self) -> str:
        """The name of its file."""
        return _SEPARATOR.join((self.address, self.container, self.link))


class Leases:
    """The leases of one network. To be used in `with`, which makes others wait."""

    __slots__ = ("_directory", "_folder", "_lock")

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._folder = f"{directory}/{_FOLDER}"
        self._lock = -1

    def __enter__(self) -> Leases:
        if not os.path.isdir(self._folder):
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
        self._lock = os.open(f"{self._directory}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Given back by the kernel, too, when the process ends in any way.
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    def all(self) -> list[Lease]:
        """All leases, also of containers that are gone."""
        parted = (name.split(_SEPARATOR) for name in os.listdir(self._folder))
        return [Lease(*parts) for parts in parted if len(parts) == 3]

    def choose(self, subnet: Subnet) -> str:
        """An address that no lease holds. An address that was given back is the last to be given again.

        Raises:
            NetworkFull: there is none.
        """
        taken = {lease.address for lease in self.all()}
        address = subnet.next_free(taken, after=self._read_last())
        if address is None:
            raise NetworkFull(str(subnet))
        self._write(f"{self._directory}/{_LAST}", address)
        return address

    def write(self, lease: Lease, publications: Iterable[Publication] = ()) -> None:
        """Hold an address, and note ports that are about to be published."""
        fields = [[each.address, each.first, each.port, each.protocol] for each in publications]
        self._write(f"{self._folder}/{lease.name}", json.dumps(fields))

    def publications(self, lease: Lease) -> list[Publication]:
        """The ports that were noted."""
        try:
            with open(f"{self._folder}/{lease.name}", encoding="utf-8") as file:
                fields = json.load(file)
            return [
                Publication(port, first=own, last=own, address=address, protocol=protocol)
                for address, own, port, protocol in fields
            ]
        except (OSError, ValueError, TypeError):
            # Not there, or a file system lost its content: then it was never published either.
            return []

    def remove(self, lease: Lease) -> None:
        """Give an address back."""
        try:
            os.unlink(f"{self._folder}/{lease.name}")
        except FileNotFoundError:
            return

    def _read_last(self) -> str | None:
        try:
            with open(f"{self._directory}/{_LAST}", encoding="utf-8") as file:
                return file.read()
        except OSError:
            return None

    def _write(self, path: str, text: str) -> None:
        # The lock is held: one temporary name is enough, and a killed writer's is written over.
        temporary = f"{self._directory}/new"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
