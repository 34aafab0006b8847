"""A second machine: a network namespace with an /etc of its own, whose one link leads to this machine."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from tests.e2e.client import Client, client
from tests.requirements import require_tool

# Nobody has these addresses: they are for measurements of networks (RFC 2544).
_ADDRESSES = ip_network("198.18.0.0/15")
# What programs look for on any machine; where registries are and who vouches for them is not among it.
_PLAIN_ETC = (
    "alternatives",
    "containers/policy.json",
    "group",
    "ld.so.cache",
    "nsswitch.conf",
    "passwd",
    "ssl/certs",
    "subgid",
    "subuid",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A way between this machine, at `address`, and the network namespace `namespace`."""

    namespace: str
    address: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine at the far end of `link`, whose /etc is `root`/etc here; all else is as on this machine."""

    link: Link
    root: Path

    def command(self, program: Path) -> list[str | Path]:
        """What runs `program` there; it takes the process that it is started in."""
        mounts = f'mount --bind "{self.root}/etc" /etc && exec "$@"'
        # A name given to `ip netns add` is a file.
        network = f"--net=/run/netns/{self.link.namespace}"
        enter = (require_tool("nsenter"), network, require_tool("unshare"), "--mount")
        return [*enter, "/bin/sh", "-c", mounts, "sh", program]

    def client(self, program: Path, *arguments: str | Path, home: Path) -> Client:
        """`program` there, living in the directory `home`."""
        first, *rest = self.command(program)
        return client(Path(first), *rest, *arguments, home=home)


@contextmanager
def linked() -> Iterator[Link]:
    """A network namespace, until the block ends."""
    token = secrets.token_hex(4)
    namespace, here, there = f"moorage-{token}", f"moor-{token}h", f"moor-{token}t"
    # A /30 has two addresses for hosts. One of 32,768 by chance: tests of several checkouts may run at once.
    first = IPv4Address(int(_ADDRESSES.network_address) + 4 * secrets.randbelow(_ADDRESSES.num_addresses // 4))
    _ip("netns", "add", namespace)
    try:
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace)
        try:
            _ip("address", "add", f"{first + 1}/30", "dev", here)
            _ip("link", "set", here, "up")
            _ip("-netns", namespace, "address", "add", f"{first + 2}/30", "dev", there)
            _ip("-netns", namespace, "link", "set", there, "up")
            _ip("-netns", namespace, "link", "set", "lo", "up")
            yield Link(namespace, str(first + 1))
        finally:
            _ip("link", "delete", here)
    finally:
        _ip("netns", "delete", namespace)


def machine(link: Link, root: Path, names: Mapping[str, str]) -> Machine:
    """A machine that has never heard of a registry, with its files below `root`; `names` have addresses."""
    etc = root / "etc"
    etc.mkdir(parents=True)
    for name in _PLAIN_ETC:
        _copy(Path("/etc") / name, etc / name)
    lines = [f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **names}.items()]
    (etc / "hosts").write_text("".join(lines))
    (etc / "resolv.conf").touch()
    return Machine(link, root)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        shutil.copy(source, target)


def _ip(*arguments: str) -> None:
    run = subprocess.run([require_tool("ip"), *arguments], check=False, capture_output=True, text=True)
    assert run.returncode == 0, f"ip {' '.join(arguments)}: {run.stderr}"
