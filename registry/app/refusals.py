"""Why the registry does not start."""

from __future__ import annotations

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
