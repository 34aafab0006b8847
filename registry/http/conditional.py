"""Validators: content is named by its digest, so the digest is the entity tag (RFC 9110, "Conditional Requests")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oci_spec.digest import Digest


def entity_tag(digest: Digest) -> str:
    """The strong `ETag` of content with this digest."""
    return f'"{digest}"'


def is_held(if_none_match: Sequence[str], digest: Digest) -> bool:
    """Whether a client that sent these `If-None-Match` lines has the content already, so that 304 is the answer.

    Clients of registries send the digest with and without quotation marks.
    """
    if not if_none_match:
        return False
    known = str(digest)
    return any(tag == "*" or _opaque(tag) == known for tag in _tags(if_none_match))


def allows_range(if_range: str | None, digest: Digest) -> bool:
    """Whether a part may be answered: there is no `If-Range`, or it names just this content, strongly."""
    return if_range is None or if_range.strip().strip('"') == str(digest)


def _tags(lines: Iterable[str]) -> Iterable[str]:
    # No digest holds a comma, so one inside a quoted tag only makes two tags that match nothing.
    return (tag.strip() for line in lines for tag in line.split(","))


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')
