"""`--filter` of the commands that list or remove images."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from oci_spec.image_name import ImageName
from runner.cli.errors import Failed
from runner.store import blobs, finding, index
from runner.store.errors import StoreError
from runner.store.folders import Store
from runner.store.index import Image

_UNITS = {"s": 1, "m": 60, "h": 3600}
_DECIMAL = "0123456789."
_YES = ("1", "t", "T", "true", "TRUE", "True")
_NO = ("0", "f", "F", "false", "FALSE", "False")

_Check = Callable[[Image], bool]


class Filters(NamedTuple):
    """Which images are meant: those that pass every check, and one of the patterns for names if there are any."""

    checks: tuple[_Check, ...]
    references: tuple[str, ...]
    dangling: bool | None

    @classmethod
    def parse(cls, texts: Sequence[str], store: Store, known: Sequence[str]) -> Filters:
        """The filters written as `key=value`, of which this command has the `known` keys.

        Raises:
            Failed: one of them makes no sense.
        """
        checks: list[_Check] = []
        references: list[str] = []
        dangling: bool | None = None
        for text in texts:
            key, equals, value = text.partition("=")
            if key.endswith("!"):
                key = "label!"
            if key not in known or not equals:
                raise Failed(f"Error: invalid filter '{text}'")
            if key == "dangling":
                dangling = _flag(text, value)
            elif key == "reference":
                references.append(value)
            else:
                checks.append(_MAKERS[key](store, value))
        return cls(tuple(checks), tuple(references), dangling)

    def take(self, image: Image, *, without_dangling: bool = False) -> bool:
        """Whether the image is meant."""
        if not without_dangling and self.dangling is not None and self.dangling == bool(image.tags):
            return False
        return all(check(image) for check in self.checks)

    def take_name(self, name: ImageName) -> bool:
        """Whether a name of an image is meant."""
        return not self.references or any(matches(pattern, name) for pattern in self.references)


def matches(pattern: str, name: ImageName) -> bool:
    """Whether a name is what `pattern` says: `*` stands for anything but a slash, and a tag may be left out."""
    familiar = name.familiar()
    for text in (familiar, str(name)):
        for candidate in (text, text[: len(text) - len(familiar) + len(name.familiar_repository())]):
            parts, patterns = candidate.split("/"), pattern.split("/")
            if len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns)):
                return True
    return False


def moment(text: str, complaint: str) -> datetime:
    """A time of RFC 3339 or of a clock in seconds, or how long ago: `1h30m`; in UTC.

    Raises:
        Failed: it is none; with the complaint.
    """
    try:
        if not text.strip(_DECIMAL):
            return datetime.fromtimestamp(float(text), UTC)
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return datetime.now(UTC) - timedelta(seconds=_span(text, complaint))


def _span(text: str, complaint: str) -> int:
    seconds, number = 0, ""
    for character in text:
        if character.isdecimal():
            number += character
        elif number and character in _UNITS:
            seconds, number = seconds + int(number) * _UNITS[character], ""
        else:
            raise Failed(complaint)
    if number or not text:
        raise Failed(complaint)
    return seconds


def _flag(text: str, value: str) -> bool:
    if value not in _YES + _NO:
        raise Failed(f"Error: invalid filter '{text}'")
    return value in _YES


def _label(store: Store, value: str) -> _Check:
    # Only here: it loads more than all else that lists anything.
    from oci_spec.image_config import parse_image_config

    key, equals, wanted = value.partition("=")

    def check(image: Image) -> bool:
        try:
            labels = parse_image_config(blobs.read(store, image.id)).labels
        except (StoreError, ValueError):
            return False
        return key in labels and (not equals or labels[key] == wanted)

    return check


def _no_label(store: Store, value: str) -> _Check:
    has = _label(store, value)
    return lambda image: not has(image)


def _before(store: Store, value: str) -> _Check:
    created = finding.find(index.read(store), value).created
    return lambda image: image.created < created


def _since(store: Store, value: str) -> _Check:
    created = finding.find(index.read(store), value).created
    return lambda image: image.created > created


def _until(_store: Store, value: str) -> _Check:
    bound = moment(value, f"Error: invalid filter 'until={value}'")
    return lambda image: bool(image.created) and datetime.fromisoformat(image.created) < bound


_MAKERS: dict[str, Callable[[Store, str], _Check]] = {
    "label": _label,
    "label!": _no_label,
    "before": _before,
    "since": _since,
    "until": _until,
}
