"""A second machine: a network namespace with an /etc of its own, whose one link leads to this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.client import Client, client
from tests.network_namespaces import Link, link_to, network_namespace
from tests.requirements import require_tool

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
    """A network namespace with a link to it, until the block ends."""
    with network_namespace() as namespace, link_to(namespace) as link:
        yield link


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
