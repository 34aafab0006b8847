"""Platforms as people write them, and which of them run on which (containerd's "platforms", which docker follows).

A processor runs the code of its predecessors: an image for arm/v6 is taken for arm/v7, if there is nothing nearer.
"""

from __future__ import annotations

from collections.abc import Iterable

from oci_spec.descriptor import Platform
from oci_spec.errors import PlatformInvalid

_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
_SYSTEMS = frozenset(
    {
        "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "linux", "nacl", "netbsd",
        "openbsd", "plan9", "solaris", "windows", "zos",
    }
)  # fmt: skip
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armel": ("arm", "v6"),
}
_KNOWN_ARCHITECTURES = frozenset(
    {
        "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le",
        "riscv64", "s390x", "wasm",
    }
)  # fmt: skip
# What a processor is that says nothing more of itself.
_DEFAULT_VARIANTS = {"arm": "v7", "arm64": "v8", "amd64": "v1"}
_AMD64_LEVELS = ("v1", "v2", "v3", "v4")
_ARM_VARIANTS = ("v8", "v7", "v6", "v5")


def parse_platform(text: str, host: Platform) -> Platform:
    """The platform written as `os/architecture/variant`, `os/architecture`, or one of the two alone.

    What is left out is as on `host`, but for the variant, which then is the usual one.

    Raises:
        PlatformInvalid: it is none, or a single word that is neither a system nor an architecture.
    """
    parts = text.lower().split("/")
    if len(parts) > 3 or not all(part and not part.strip(_CHARACTERS) for part in parts):
        raise PlatformInvalid(text, "expected os/architecture/variant, the last one or two of which may lack")
    if len(parts) > 1:
        return normalized(Platform(parts[0], parts[1], "/".join(parts[2:]) or None))
    [word] = parts
    word = {"macos": "darwin"}.get(word, word)
    if word in _SYSTEMS:
        return normalized(Platform(word, host.architecture, host.variant))
    if word in _KNOWN_ARCHITECTURES or word in _ARCHITECTURES:
        return normalized(Platform(host.os, word))
    raise PlatformInvalid(text, "neither a known system nor a known architecture")


def normalized(platform: Platform) -> Platform:
    """The same platform in Go's names, with its variant if it is not the usual one."""
    architecture, variant = platform.architecture.lower(), (platform.variant or "").lower()
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = variant or implied
    if variant.isdigit():
        variant = f"v{variant}"
    if architecture == "arm":
        variant = variant or _DEFAULT_VARIANTS["arm"]
    elif variant == _DEFAULT_VARIANTS.get(architecture):
        variant = ""
    system = {"macos": "darwin"}.get(platform.os.lower(), platform.os.lower())
    return Platform(system, architecture, variant or None, platform.os_version, platform.os_features)


def runnable(platform: Platform) -> tuple[Platform, ...]:
    """What runs on `platform`, the nearest first: itself, then what its predecessors ran."""
    wanted = normalized(platform)
    return tuple(
        normalized(Platform(wanted.os, architecture, variant))
        for architecture, variant in _predecessors(wanted.architecture, wanted.variant)
    )


def runs(candidate: Platform, on: Platform) -> bool:
    """Whether an image for `candidate` runs on the platform."""
    return _rank(candidate, runnable(on)) is not None


def nearest(candidates: Iterable[Platform | None], wanted: Platform) -> int | None:
    """Which of the candidates fits `wanted` best, by its place; of equals the first. None where none runs on it.

    A candidate of None is one whose platform nobody has told: it fits nothing.
    """
    order = runnable(wanted)
    ranks = [
        (rank, place)
        for place, candidate in enumerate(candidates)
        if candidate is not None and (rank := _rank(candidate, order)) is not None
    ]
    return min(ranks)[1] if ranks else None


def text_of(platform: Platform) -> str:
    """The platform as `os/architecture/variant`, as `parse_platform` reads it."""
    return "/".join(filter(None, (platform.os or "unknown", platform.architecture or "unknown", platform.variant)))


def _rank(candidate: Platform, order: tuple[Platform, ...]) -> int | None:
    found = normalized(candidate)
    for rank, platform in enumerate(order):
        if (platform.os, platform.architecture, platform.variant) == (found.os, found.architecture, found.variant):
            return rank
    return None


def _predecessors(architecture: str, variant: str | None) -> list[tuple[str, str | None]]:
    if architecture == "amd64":
        older = _AMD64_LEVELS[: _AMD64_LEVELS.index(variant)] if variant in _AMD64_LEVELS else ("v1",)
        own = [] if variant is None else [(architecture, variant)]
        return [*own, *((architecture, level) for level in reversed(older)), ("386", None)]
    if architecture == "arm64":
        own = [] if variant is None else [(architecture, variant)]
        return [*own, (architecture, None), *_predecessors("arm", "v8")]
    if architecture == "arm" and variant in _ARM_VARIANTS:
        return [(architecture, older) for older in _ARM_VARIANTS[_ARM_VARIANTS.index(variant) :]]
    return [(architecture, variant)]
