"""What is wrong with an image, or with the ways to it.

ImageError
├── NotAnImage(name, reason)                what is called so cannot be run: an artifact, a chart, an index of them
├── LayerTypeUnsupported(media_type)        a layer of a kind that is not unpacked
├── ImageContradictory(reason)              manifest, configuration and layers do not fit together
├── PlatformMissing(name, wanted, offered)  the index has nothing for the platform
├── PlatformDiffers(name, wanted, found)    the only image there is is for another platform
├── LayerNotUnpacked(digest, reason, …)     a layer's bytes are wrong, or the disk did not take them
├── ArchiveInvalid(reason)                  a file that was to be loaded or imported is none of those that can be
├── ChangeInvalid(text, reason)             a change of an image's configuration that makes no sense
└── NoEndpoint(name, failures)              none of the places where the image could be had gives it
"""

from __future__ import annotations

from collections.abc import Sequence

from oci_spec.digest import Digest
from oci_spec.quoting import quoted
from runner.errors import RunnerError

_REASON_CHARACTERS = 300


class ImageError(RunnerError):
    """An image cannot be pulled, pushed, made or read."""


class NotAnImage(ImageError):
    """What is called so is no image that can be run."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{_shown(self.name)} is no image: {_shown(self.reason)}"


class LayerTypeUnsupported(ImageError):
    """A layer is of a kind that is not unpacked."""

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self.media_type = media_type

    def __str__(self) -> str:
        return f"{quoted(self.media_type)} is no type of a layer that can be unpacked"


class ImageContradictory(ImageError):
    """The parts of the image do not fit together."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the image contradicts itself: {_shown(self.reason)}"


class PlatformMissing(ImageError):
    """An index has no image for the platform."""

    def __init__(self, name: str, wanted: str, offered: Sequence[str]) -> None:
        super().__init__(name, wanted, tuple(offered))
        self.name = name
        self.wanted = wanted
        self.offered = tuple(offered)

    def __str__(self) -> str:
        offered = _shown(", ".join(self.offered) or "nothing")
        return f"no matching manifest for {self.wanted} in the manifest list entries of {_shown(self.name)}: {offered}"


class PlatformDiffers(ImageError):
    """The image is for another platform than was asked for."""

    def __init__(self, name: str, wanted: str, found: str) -> None:
        super().__init__(name, wanted, found)
        self.name = name
        self.wanted = wanted
        self.found = found

    def __str__(self) -> str:
        return (
            f"image with reference {_shown(self.name)} was found but does not match the specified platform:"
            f" wanted {self.wanted}, actual: {_shown(self.found)}"
        )


class LayerNotUnpacked(ImageError):
    """A layer was not unpacked: `of_content` tells whether its bytes are to blame, or this machine."""

    def __init__(self, digest: Digest, reason: str, *, of_content: bool) -> None:
        super().__init__(digest, reason)
        self.digest = digest
        self.reason = reason
        self.of_content = of_content

    def __str__(self) -> str:
        return f"layer {self.digest}: {_shown(self.reason)}"


class ArchiveInvalid(ImageError):
    """The file is no archive of images or of a root file system, or not a whole one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the archive cannot be read: {_shown(self.reason)}"


class ChangeInvalid(ImageError):
    """The text is no change of an image's configuration."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    def __str__(self) -> str:
        return f"{quoted(self.text)} is no change of an image: {self.reason}"


class NoEndpoint(ImageError):
    """Several places were asked, and each failed; `failures` tells how, in their order."""

    def __init__(self, name: str, failures: Sequence[str]) -> None:
        super().__init__(name, tuple(failures))
        self.name = name
        self.failures = tuple(failures)

    def __str__(self) -> str:
        return f"{_shown(self.name)} cannot be had: {_shown('; '.join(self.failures))}"


def _shown(text: str) -> str:
    return text if text.isprintable() and len(text) <= _REASON_CHARACTERS else quoted(text[:_REASON_CHARACTERS])
