"""Why no bundle can be made of what a container shall be.

BundleError (a RunnerError)
├── ImageUnusable(reason)          the image's configuration says something that no container can be
├── CommandMissing(image)          neither image nor user name a program
├── UserUnknown(text, reason)      a user or group that the container's own files do not have, or no number
├── MountSourceMissing(path)       a directory or file of the host's that is not there
├── DeviceUnusable(path, reason)   no device of the host's
│   └── DeviceMissing(path, reason) nothing at all
├── NamespaceUnreachable(mode)     the container whose namespace is to be shared does not run, or does not share it
├── SeccompUnusable(reason)        no profile of system calls
├── ProcessorsMissing(wanted, has) more processors than there are
└── InitMissing()                  no program that could be the first process
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError


class BundleError(RunnerError):
    """A container cannot be as it shall."""


class ImageUnusable(BundleError):
    """The image's configuration is not one that a container can be made of."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the image cannot be run: {self.reason if self.reason.isprintable() else quoted(self.reason)}"[:400]


class CommandMissing(BundleError):
    """There is nothing to execute."""

    def __init__(self, image: str) -> None:
        super().__init__(image)
        self.image = image

    def __str__(self) -> str:
        return f"no command specified, and {quoted(self.image)} has none"


class UserUnknown(BundleError):
    """Whom the program shall run as is not to be found."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"unable to find {quoted(self.text)}: {self.reason}"


class MountSourceMissing(BundleError):
    """The host has nothing at the source of a bind."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f'invalid mount config for type "bind": bind source path does not exist: {quoted(self.path)}'


class DeviceUnusable(BundleError):
    """What is asked for as a device is none."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"error gathering device information while adding custom device {quoted(self.path)}: {self.reason}"


class DeviceMissing(DeviceUnusable):
    """There is nothing of its name."""


class NamespaceUnreachable(BundleError):
    """Another container's namespace cannot be joined."""

    def __init__(self, mode: str, reason: str) -> None:
        super().__init__(mode, reason)
        self.mode = mode
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot join the namespace of {quoted(self.mode)}: {self.reason}"


class SeccompUnusable(BundleError):
    """The profile of system calls is none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"loading seccomp profile failed: {self.reason}"


class ProcessorsMissing(BundleError):
    """More processors are asked for than the host has."""

    def __init__(self, wanted: str, has: str) -> None:
        super().__init__(wanted, has)
        self.wanted = wanted
        self.has = has

    def __str__(self) -> str:
        return f"the CPUs asked for are not available: {self.wanted}; there can be {self.has}"


class InitMissing(BundleError):
    """The host has no program that `--init` could give to the container."""

    def __str__(self) -> str:
        return "--init needs a static tini of the host's (Debian: apt-get install tini)"
