"""What a conversation with the kernel over netlink can end in.

NetlinkError (a RunnerError)
├── NetlinkRefused(operation, number, explanation)   the kernel does not do it
└── NetlinkAnswerInvalid(reason)                     the answer is none that the kernel gives

Errors carry values; the kernel's own explanation is shown escaped and cut, so every message is one printable line.
"""

from __future__ import annotations

import errno
import os

from oci_spec.quoting import quoted
from runner.errors import RunnerError


class NetlinkError(RunnerError):
    """A change or a question was not answered as it should be."""


class NetlinkRefused(NetlinkError):
    """The kernel does not do what it is asked for."""

    def __init__(self, operation: str, number: int, explanation: str = "") -> None:
        super().__init__(operation, number, explanation)
        self.operation = operation
        """What was asked for, in words."""
        self.number = number
        """The error number (errno)."""
        self.explanation = explanation
        """What the kernel adds in words, if anything (NETLINK_EXT_ACK)."""

    def __str__(self) -> str:
        explained = f": {quoted(self.explanation)}" if self.explanation else ""
        return f"{self.operation}: {os.strerror(self.number)}{explained}"

    @property
    def is_absence(self) -> bool:
        """Whether it says that there is no such thing."""
        return self.number in {errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL}

    @property
    def is_presence(self) -> bool:
        """Whether it says that there is such a thing already."""
        return self.number == errno.EEXIST


class NetlinkAnswerInvalid(NetlinkError):
    """What came is no message as the kernel writes them."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the kernel's answer cannot be read: {self.reason}"
