"""Why a container is not what it should be.

ContainerError (a RunnerError)
├── SettingsInvalid(reason)               what a container's directory says of it cannot be read
├── RecordInvalid(path, reason)           a file of a container's cannot be read
├── ContainerUnknown(name)                no container is called so
├── ContainerAmbiguous(prefix)            several containers' ids begin so
├── ContainerNameInvalid(name)            the text cannot be a container's name
├── ContainerNameTaken(name, container)   another one is called so
├── ContainerRemoved(container)           it was removed while something was done with it
├── ContainerRunning(name)                it runs, so it is not removed
├── ContainerNotRunning(name)             it does not run, so there is nothing to do it with
├── ContainerStays(container)             not even SIGKILL has ended it
├── MonitorPresent(container)             somebody else has started it
├── MonitorLost(container)                its monitor ended without a word
├── RuntimeUnknown(runtime)               another OCI runtime is wanted that is not here
├── RuntimeFailed(runtime, reason)        another OCI runtime did not do its part
├── StartFailed(reason, status)           the container was made, but not started
├── VolumeInvalid(name, reason)           a volume that cannot be, or not be filled
├── SignalInvalid(text)                   there is no such signal
└── DetachKeysInvalid(text)               these are no keys

The messages are docker's where docker has one.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.errors import RunnerError

_SHORT = 12


class ContainerError(RunnerError):
    """Something was not done with a container."""


class SettingsInvalid(ContainerError):
    """The document is not what describes a container, or of another version of this program."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the container's settings cannot be read: {quoted(self.reason)}"


class RecordInvalid(ContainerError):
    """A file of a container's does not hold what it should."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {quoted(self.reason)}"


class ContainerUnknown(ContainerError):
    """There is no container of this name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"No such container: {_shown(self.name)}"


class ContainerAmbiguous(ContainerError):
    """The ids of several containers begin with what was given."""

    def __init__(self, prefix: str) -> None:
        super().__init__(prefix)
        self.prefix = prefix

    def __str__(self) -> str:
        return f"Multiple IDs found with provided prefix: {_shown(self.prefix)}"


class ContainerNameInvalid(ContainerError):
    """The text cannot be a container's name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"Invalid container name ({_shown(self.name)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"


class ContainerNameTaken(ContainerError):
    """Another container is called so."""

    def __init__(self, name: str, container: str) -> None:
        super().__init__(name, container)
        self.name = name
        self.container = container

    def __str__(self) -> str:
        return (
            f'Conflict. The container name "/{self.name}" is already in use by container "{self.container}". '
            "You have to remove (or rename) that container to be able to reuse that name."
        )


class ContainerRemoved(ContainerError):
    """It was removed while something was done with it."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"container {self.container[:_SHORT]} has ended, and was removed meanwhile: what came of it is not whole"


class ContainerRunning(ContainerError):
    """It runs, and is not removed so."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f'cannot remove container "{self.name}": container is running: '
            "stop the container before removing or force remove"
        )


class ContainerNotRunning(ContainerError):
    """It does not run."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"container {self.name} is not running"


class ContainerStays(ContainerError):
    """Its processes are in the kernel, and do not come out."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"container {self.container[:_SHORT]} has not ended although it was killed"


class MonitorPresent(ContainerError):
    """Somebody else has started it, or is about to."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"container {self.container[:_SHORT]} is being started, or ended, by somebody else"


class MonitorLost(ContainerError):
    """Its monitor was killed."""

    def __init__(self, container: str) -> None:
        super().__init__(container)
        self.container = container

    def __str__(self) -> str:
        return f"the monitor of container {self.container[:_SHORT]} ended without a word"


class RuntimeUnknown(ContainerError):
    """There is no program that another OCI runtime of this name would be."""

    def __init__(self, runtime: str) -> None:
        super().__init__(runtime)
        self.runtime = runtime

    def __str__(self) -> str:
        return f"unknown runtime '{_shown(self.runtime)}': there is no such program"


class RuntimeFailed(ContainerError):
    """Another OCI runtime did not do its part."""

    def __init__(self, runtime: str, reason: str) -> None:
        super().__init__(runtime, reason)
        self.runtime = runtime
        self.reason = reason

    def __str__(self) -> str:
        return f"{_shown(self.runtime)}: {_shown(self.reason)}"


class StartFailed(ContainerError):
    """The container is there, but its program was not started; `status` is docker's number for that."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason, status)
        self.reason = reason
        self.status = status

    def __str__(self) -> str:
        return _shown(self.reason)


class VolumeInvalid(ContainerError):
    """A volume has no name that one can have, or what the image has at its place cannot be copied."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"volume {quoted(self.name)}: {self.reason}"


class SignalInvalid(ContainerError):
    """There is no such signal."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"Invalid signal: {_shown(self.text)}"


class DetachKeysInvalid(ContainerError):
    """The text names no keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"invalid detach keys {quoted(self.text)}: expected characters and `ctrl-` with one, with commas between"


def _shown(text: str) -> str:
    return text if text.isprintable() and len(text) < 600 else quoted(text)
