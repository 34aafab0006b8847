"""Why a container has not got the network that was asked for.

NetworkError (a RunnerError)
├── PublicationInvalid(text, reason)         a `-p` that names no port
├── HostEntryInvalid(text, reason)           an `--add-host` that is no name with an address, a `--dns` that is none
├── PortUnavailable(port, reason)            the host's port is somebody else's, or its address is none of the host's
├── NetworkToolMissing(what, package)        a program or library that is not installed
├── NetworkKernelLacks(what, option)         something that the kernel is built without
├── NetworkFirewallRefused(reason)           the kernel or nft does not take the rules
├── NetworkBridgeForeign(name)               there is a link of the bridge's name that is not ours
├── NetworkSubnetTaken(reason)               there is no room for the bridge's network among the host's
└── NetworkFull(network)                     each of its addresses is taken

Errors carry values; what others wrote is shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError


class NetworkError(RunnerError):
    """A container was not connected."""


class PublicationInvalid(NetworkError):
    """The text is not of the form that `-p` takes."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid port {quoted(self.text)}: {self.reason}"


class HostEntryInvalid(NetworkError):
    """The text is not of the form that `--add-host` or a flag about names' servers takes."""

    def __init__(self, text: str, reason: str = "expected NAME:ADDRESS") -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"invalid host {quoted(self.text)}: {self.reason}"


class PortUnavailable(NetworkError):
    """A port of the host cannot be published."""

    def __init__(self, port: str, reason: str) -> None:
        super().__init__(port, reason)
        self.port = port
        """As `127.0.0.1:8080/tcp`."""
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot publish port {self.port}: {self.reason}"


class NetworkToolMissing(NetworkError):
    """Something that has to be installed is not."""

    def __init__(self, what: str, package: str) -> None:
        super().__init__(what, package)
        self.what = what
        self.package = package
        """Debian's."""

    def __str__(self) -> str:
        return f"{self.what} is not installed (Debian: apt-get install {self.package})"


class NetworkKernelLacks(NetworkError):
    """The kernel has not got what a network is made of."""

    def __init__(self, what: str, option: str) -> None:
        super().__init__(what, option)
        self.what = what
        self.option = option

    def __str__(self) -> str:
        return f"the kernel has no {self.what}: it is built without {self.option}, or the module cannot be loaded"


class NetworkFirewallRefused(NetworkError):
    """Rules of the firewall were not taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the firewall's rules are not taken: {quoted(self.reason)}"


class NetworkBridgeForeign(NetworkError):
    """A link has the bridge's name, and is another one's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"the link {quoted(self.name)} is not ours; if nobody needs it: ip link delete {self.name}"


class NetworkSubnetTaken(NetworkError):
    """The host's networks leave no room for the bridge's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class NetworkFull(NetworkError):
    """A network has no free address."""

    def __init__(self, network: str) -> None:
        super().__init__(network)
        self.network = network

    def __str__(self) -> str:
        return f"no address is free in {self.network}"
