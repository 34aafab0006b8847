"""Names that become those of directories, hosts and users. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

from runner.bundles.paths import clean

_ALPHANUMERIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME_SIGNS = _ALPHANUMERIC | frozenset("_.-")
_LONGEST_NAME = 200
_LONGEST_HOSTNAME = 64  # HOST_NAME_MAX


def container(text: str) -> str:
    """A container's name."""
    name = text.removeprefix("/")
    if len(name) < 2 or name[0] not in _ALPHANUMERIC or not _NAME_SIGNS.issuperset(name) or len(name) > _LONGEST_NAME:
        raise ValueError(f"Invalid container name ({text}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return name


def hostname(text: str) -> str:
    """A host's name; one with a space or a line's end would write lines of its own into /etc/hosts."""
    labels = text.split(".")
    plain = all(label and _NAME_SIGNS.issuperset(label) and label[0] != "-" and label[-1] != "-" for label in labels)
    if not plain or len(text) > _LONGEST_HOSTNAME:
        raise ValueError(f"invalid hostname format: {text}")
    return text


def working_directory(text: str) -> str:
    """Where the program begins."""
    if not text.startswith("/"):
        raise ValueError(f"the working directory {text!r} is invalid, it needs to be an absolute path")
    return clean(text)


def stop_signal(text: str) -> str:
    """A signal's name or number."""
    # Only here: few say one, and it loads much.
    from runner.oci import signals
    from runner.oci.errors import UsageInvalid

    try:
        signals.parse(text)
    except UsageInvalid as error:
        raise ValueError(f"Invalid signal: {text}") from error
    return text
