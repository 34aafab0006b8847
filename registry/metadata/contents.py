"""All that repositories hold, whichever they are, a stretch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, tuple_

from oci_spec.reference import RepositoryName, Tag
from registry.metadata.schema import blob, link, manifest, repository, tag
from registry.metadata.statements import Runner, to_digest

if TYPE_CHECKING:
    from oci_spec.digest import Digest

_LINKS = (
    select(blob.c.algorithm, blob.c.digest, repository.c.name, link.c.repository_id, link.c.blob_id)
    .join_from(link, blob)
    .join(repository)
    .where(tuple_(link.c.repository_id, link.c.blob_id) > tuple_(bindparam("in_repository"), bindparam("after")))
    .order_by(link.c.repository_id, link.c.blob_id)
    .limit(bindparam("limit"))
)
_MANIFESTS = (
    select(manifest.c.algorithm, manifest.c.digest, repository.c.name, manifest.c.id)
    .join_from(manifest, repository)
    .where(manifest.c.id > bindparam("after"))
    .order_by(manifest.c.id)
    .limit(bindparam("limit"))
)
_TAGS = (
    select(tag.c.name, repository.c.name, tag.c.id)
    .join_from(tag, repository)
    .where(tag.c.id > bindparam("after"), tag.c.valid_until.is_(None))
    .order_by(tag.c.id)
    .limit(bindparam("limit"))
)


class Contents:
    """Links, manifests and current tags of all repositories; each call gives where the next one begins."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def links(
        self, after: tuple[int, int], limit: int
    ) -> tuple[list[tuple[RepositoryName, Digest]], tuple[int, int] | None]:
        """Give up to `limit` links beyond `after`, (0, 0) at first; the second value is None after the last."""
        rows = self._runner.rows(_LINKS, {"in_repository": after[0], "after": after[1], "limit": limit})
        links = [(RepositoryName.parse(row[2]), to_digest(row)) for row in rows]
        return links, (rows[-1][3], rows[-1][4]) if len(rows) == limit else None

    def manifests(self, after: int, limit: int) -> tuple[list[tuple[RepositoryName, Digest]], int | None]:
        """Give up to `limit` manifests beyond `after`, 0 at first; the second value is None after the last."""
        rows = self._runner.rows(_MANIFESTS, {"after": after, "limit": limit})
        manifests = [(RepositoryName.parse(row[2]), to_digest(row)) for row in rows]
        return manifests, rows[-1][3] if len(rows) == limit else None

    def tags(self, after: int, limit: int) -> tuple[list[tuple[RepositoryName, Tag]], int | None]:
        """Give up to `limit` tags beyond `after`, 0 at first; the second value is None after the last."""
        rows = self._runner.rows(_TAGS, {"after": after, "limit": limit})
        tags = [(RepositoryName.parse(row[1]), Tag.parse(row[0])) for row in rows]
        return tags, rows[-1][2] if len(rows) == limit else None
