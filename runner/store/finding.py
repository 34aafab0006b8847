"""Which image somebody means: by a name, an id, or the first digits of one."""

from __future__ import annotations

from oci_spec.digest import Digest
from oci_spec.errors import DigestInvalid, ImageNameInvalid
from oci_spec.image_name import ImageName, has_domain
from runner.store.errors import ImageAmbiguous, ImageUnknown
from runner.store.index import Image, Index

_HEXADECIMAL = "0123456789abcdef"
_ALGORITHM = "sha256:"


def find(index: Index, text: str) -> Image:
    """The image that `text` means, as docker looks for it: names come before ids.

    Raises:
        ImageUnknown: there is none.
        ImageAmbiguous: several ids begin so.
    """
    image = _by_whole_id(index, text) or _by_name(index, text) or _by_digits(index, text)
    if image is None:
        raise ImageUnknown(text)
    return image


def name_of(index: Index, text: str) -> ImageName | None:
    """The name among the image's own that `text` is; None where it is an id.

    Raises:
        ImageUnknown, ImageAmbiguous: as `find`.
    """
    image = find(index, text)
    if image == _by_whole_id(index, text):
        return None
    for name in _meant(text):
        if name in image.tags or name in image.digests:
            return name
    return _elsewhere(index, text)


def _by_whole_id(index: Index, text: str) -> Image | None:
    try:
        return index.get(Digest.parse(text if ":" in text else f"{_ALGORITHM}{text}"))
    except DigestInvalid:
        return None


def _by_name(index: Index, text: str) -> Image | None:
    for name in _meant(text):
        image = index.named(name)
        if image is not None:
            return image
    elsewhere = _elsewhere(index, text)
    return None if elsewhere is None else index.named(elsewhere)


def _meant(text: str) -> tuple[ImageName, ...]:
    try:
        name = ImageName.parse(text).tagged()
    except ImageNameInvalid:
        return ()
    return (name,) if name.digest is None else (name.with_digest(name.digest),)


def _elsewhere(index: Index, text: str) -> ImageName | None:
    """A name that is `text` but for its registry: found there because this machine searches several."""
    if has_domain(text):
        return None
    tagged = [name for name in _meant(text) if name.tag is not None]
    ends = {f"/{text}", *(f"/{text}:{name.tag}" for name in tagged)}
    found = [
        name
        for image in index.images()
        for name in image.tags
        if any(str(name) == f"{name.domain}{end}" for end in ends)
    ]
    return found[0] if len(found) == 1 else None


def _by_digits(index: Index, text: str) -> Image | None:
    digits = text.removeprefix(_ALGORITHM)
    if not digits or digits.strip(_HEXADECIMAL):
        return None
    found = [image for image in index.images() if image.id.encoded.startswith(digits)]
    if len(found) > 1:
        raise ImageAmbiguous(text)
    return found[0] if found else None
