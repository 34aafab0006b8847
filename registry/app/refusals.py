"""Why the registry does not start."""

from __future__ import annotations

from pathlib import Path

from registry.app.port_owner import PortOwner
from registry.config.values import SocketAddress


class StartRefused(Exception):
    """The registry cannot start, for a reason that its operator can do something about; `str()` says which."""


class AddressTaken(StartRefused):
    """Another program listens on the address; `owner` is that program where it can be seen."""

    def __init__(self, address: SocketAddress, owner: PortOwner | None) -> None:
        self.address, self.owner = address, owner

    def __str__(self) -> str:
        who = f"process {self.owner.pid} ({self.owner.command})" if self.owner is not None else "another program"
        return f"{self.address} is taken by {who}; stop it, or choose another port with --listen"


class AddressUnusable(StartRefused):
    """The address is not one of this machine, or this user may not listen on it."""

    def __init__(self, address: SocketAddress, reason: str) -> None:
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}"


class CertificateUnusable(StartRefused):
    """The files of `[tls]` are no certificate, key or authorities, or do not belong together."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"the certificate of [tls] cannot be used: {self.reason}"


class MigrationFailed(StartRefused):
    """The database's schema could not be brought up to date; it is as it was."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"the database's schema could not be brought up to date, and is as it was: {self.reason}"


class PartsUnpaired(StartRefused):
    """The database and the storage do not belong together, or one of them cannot be asked."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class UsedElsewhere(StartRefused):
    """Another host uses what only one may; `remedy` says what else can be done."""

    def __init__(self, place: Path, host: str, remedy: str) -> None:
        self.place, self.host, self.remedy = place, host, remedy

    def __str__(self) -> str:
        return f"{self.place} is in use by another host, {self.host}: {self.remedy}"


class NotShared(StartRefused):
    """A directory that is said to be shared by all nodes cannot be."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"storage.filesystem.shared: {self.reason}"


class PasswordUnusable(StartRefused):
    """The configured password of the first administrator cannot be one."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return f"the password of the first administrator cannot be used: {self.reason}"


class LoginSourceUnusable(StartRefused):
    """What the configuration names for people to log in by cannot be used."""

    def __init__(self, key: str, reason: str) -> None:
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


class WorkerFailed(StartRefused):
    """A worker process could not begin to serve."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
