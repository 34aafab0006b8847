"""Which container somebody means: by its id, its name, or the first digits of its id; docker looks in this order."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.errors import ContainerUnknown
    from runner.containers.folders import Folders, Place

_HEXADECIMAL = frozenset("0123456789abcdef")
_ID_DIGITS = 64


def find(folders: Folders, text: str) -> Place:
    """The container that `text` means.

    Raises:
        ContainerUnknown: there is none.
        ContainerAmbiguous: several ids begin so.
    """
    if not text or "/" in text.removeprefix("/"):
        raise _unknown(text)
    if len(text) == _ID_DIGITS and _HEXADECIMAL.issuperset(text):
        place = folders.place(text)
        if os.path.isdir(place.lasting):
            return place
    named = _named(folders, text.removeprefix("/"))
    return named if named is not None else _beginning(folders, text)


def all_of(folders: Folders) -> list[Place]:
    """All containers that there are, in no order."""
    try:
        names = os.listdir(folders.containers)
    except FileNotFoundError:
        return []
    return [folders.place(name) for name in names if not name.startswith(".")]


def _named(folders: Folders, name: str) -> Place | None:
    try:
        place = folders.place(os.readlink(f"{folders.names}/{name}"))
    except OSError:
        return None
    # A name is given before its container is there, and taken away after it has gone.
    return place if os.path.isdir(place.lasting) else None


def _beginning(folders: Folders, digits: str) -> Place:
    found = [place for place in all_of(folders) if place.container.startswith(digits)]
    if len(found) > 1:
        from runner.containers.errors import ContainerAmbiguous

        raise ContainerAmbiguous(digits)
    if not found:
        raise _unknown(digits)
    return found[0]


def _unknown(text: str) -> ContainerUnknown:
    # Only here: what most find needs no errors, and `exec` finds before all else.
    from runner.containers.errors import ContainerUnknown

    return ContainerUnknown(text)
