"""The registry as its clients see it, and the files that one of them needs to reach it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from registry.config.values import ExternalUrl

PUBLIC: Final = 0o644
SECRET: Final = 0o600


@dataclass(frozen=True, slots=True, repr=False)
class ClientPair:
    """The certificate that a client shows, and its key, both as PEM text."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Target:
    """One address of the registry; `authority` is what its clients' image names begin with.

    `ca` is the PEM text of the authorities that vouch for it, None where clients trust them anyway. Neither that nor
    `client` means anything where it speaks plain HTTP.
    """

    url: ExternalUrl
    ca: str | None = None
    client: ClientPair | None = None

    @property
    def authority(self) -> str:
        """Host and port, as in image names; directories of clients are named like this, to the letter."""
        return self.url.authority

    @property
    def is_plain(self) -> bool:
        """Whether it speaks HTTP without TLS."""
        return self.url.scheme == "http"

    @property
    def is_loopback(self) -> bool:
        """Whether only clients on the same machine can mean it."""
        host = urlsplit(str(self.url)).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def pem_files(self, directory: PurePosixPath) -> list[ClientFile]:
        """The certificates as docker and those that follow it name them, in `directory`; none for plain HTTP."""
        if self.is_plain:
            return []
        files = [] if self.ca is None else [ClientFile(directory / "ca.crt", self.ca)]
        if self.client is not None:
            files.append(ClientFile(directory / "client.cert", self.client.certificate))
            files.append(ClientFile(directory / "client.key", self.client.key, SECRET))
        return files


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A file for a client's machine.

    One that `is_shared` is not the registry's alone: where it exists, the settings in `content` are added to it.
    """

    path: PurePosixPath
    content: str
    mode: int = PUBLIC
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """What has to be done on a client's machine: the files to place, then `hints`, sentences for people."""

    files: tuple[ClientFile, ...]
    hints: tuple[str, ...] = ()


class PathUnreachable(Exception):
    """The client finds registries at the root of a host only, and `url` has a path."""

    def __init__(self, client: str, url: ExternalUrl) -> None:
        self.client, self.url = client, url

    def __str__(self) -> str:
        return f"{self.client} looks for a registry at the root of a host, and cannot be told of {self.url}"
