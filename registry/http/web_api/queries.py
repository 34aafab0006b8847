"""The queries of the web API's lists: their fields are the parameters that clients send."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from registry import limits
from registry.auth.pattern import RepositoryPattern
from registry.http.web_api import cursors
from registry.metadata.audit_values import AuditSearch
from registry.metadata.rows import Direction, Position, RepositorySearch, RepositorySort, TagSearch, TagSort
from registry.services.audit import Outcome

_Limit = Annotated[
    int,
    Meta(
        ge=1,
        le=limits.WEB_API_PAGE_MAX,
        description="Most entries to answer; the registry's configuration may set a lower bound.",
    ),
]
_Cursor = Annotated[
    str,
    Meta(
        max_length=limits.CURSOR_CHARACTERS,
        pattern="^[A-Za-z0-9_-]+$",
        description="Where to go on: the `next_cursor` of the answer before. The order must be the same.",
    ),
]


class PageQuery(Struct, frozen=True, kw_only=True):
    """A page of a list."""

    limit: _Limit = limits.WEB_API_PAGE_ENTRIES
    cursor: _Cursor | None = None


class NameQuery(PageQuery, frozen=True, kw_only=True):
    """A page of a list that is in the order of names."""

    @property
    def after(self) -> str:
        """The name that the page begins after; empty for the first page.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return "" if self.cursor is None else cursors.read_name(self.cursor)


class GrantQuery(PageQuery, frozen=True, kw_only=True):
    """A page of what was granted to somebody."""

    @property
    def after(self) -> RepositoryPattern | None:
        """The pattern that the page begins after.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return None if self.cursor is None else cursors.read_pattern(self.cursor)


class SearchQuery(PageQuery, frozen=True, kw_only=True):
    """A page of a list that is searched and sorted."""

    q: Annotated[
        str,
        Meta(
            max_length=limits.SEARCH_CHARACTERS,
            # Python's `$` also stands before a newline at the end.
            pattern="^[ -~]*(?!\\n)$",
            description="Text that the name contains, in capital letters or not.",
        ),
    ] = ""
    order: Annotated[Direction, Meta(description="Which end comes first.")] = Direction.ASCENDING


class RepositoryQuery(SearchQuery, frozen=True, kw_only=True):
    """A page of the list of repositories."""

    sort: Annotated[RepositorySort, Meta(description="What to sort by; equals are sorted by name.")] = (
        RepositorySort.NAME
    )

    @property
    def search(self) -> RepositorySearch:
        """The search that is meant.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        after = _position(self.cursor, self.sort, self.order)
        return RepositorySearch(self.limit, after, self.q, self.sort, self.order)


class FindQuery(PageQuery, frozen=True, kw_only=True):
    """A page of what a search finds."""

    q: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=limits.SEARCH_CHARACTERS,
            description="Words, all of which the name or the beginning of the description has, "
            "in capital letters or not; of one or two characters, where words begin.",
        ),
    ]

    @property
    def after(self) -> Position | None:
        """The place that the page begins after.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return None if self.cursor is None else cursors.read_rank(self.cursor)


class TagQuery(SearchQuery, frozen=True, kw_only=True):
    """A page of the list of a repository's tags."""

    sort: Annotated[
        TagSort,
        Meta(description="What to sort by; equals are sorted by name. What was never pulled comes before all others."),
    ] = TagSort.NAME

    @property
    def search(self) -> TagSearch:
        """The search that is meant.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return TagSearch(self.limit, _position(self.cursor, self.sort, self.order), self.q, self.sort, self.order)


class HistoryQuery(PageQuery, frozen=True, kw_only=True):
    """A page of a tag's history."""

    @property
    def before(self) -> int | None:
        """The entry that the page begins after.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return None if self.cursor is None else cursors.read_number(self.cursor)


class ProtectedTags(StrEnum):
    """What becomes of protected tags when their repository is removed: without a word about them it is not."""

    KEEP = "keep"
    REMOVE = "remove"


class RemovalQuery(Struct, frozen=True):
    """The removal of a repository."""

    protected: Annotated[
        ProtectedTags, Meta(description="With `keep`, a repository that has protected tags is not removed.")
    ] = ProtectedTags.KEEP


_Text = Annotated[str, Meta(max_length=limits.SEARCH_CHARACTERS, pattern="^[ -~]+(?!\\n)$")]
_Moment = Annotated[datetime, Meta(tz=True)]


class AuditFilter(Struct, frozen=True, kw_only=True):
    """Some entries of the audit log, or all."""

    actor: Annotated[_Text, Meta(description="Only what this actor did, such as `user:alice`.")] | None = None
    target: Annotated[_Text, Meta(description="Only what was done to this repository or account.")] | None = None
    action: Annotated[_Text, Meta(description="Only this action, such as `tag.moved`.")] | None = None
    outcome: Annotated[Outcome, Meta(description="Only what came to this end.")] | None = None
    since: Annotated[_Moment, Meta(description="Only entries from this time on.")] | None = None
    until: Annotated[_Moment, Meta(description="Only entries before this time.")] | None = None

    @property
    def search(self) -> AuditSearch:
        """The search that is meant."""
        return AuditSearch(
            actor=self.actor,
            target=self.target,
            action=self.action,
            outcome=self.outcome,
            since=self.since,
            until=self.until,
        )


class AuditQuery(AuditFilter, frozen=True, kw_only=True):
    """A page of the audit log."""

    limit: _Limit = limits.WEB_API_PAGE_ENTRIES
    cursor: _Cursor | None = None

    @property
    def before(self) -> int | None:
        """The entry that the page begins after.

        Raises:
            ParameterInvalid: the cursor belongs to another list.
        """
        return None if self.cursor is None else cursors.read_number(self.cursor)


def _position(cursor: str | None, sort: RepositorySort | TagSort, order: Direction) -> Position | None:
    return None if cursor is None else cursors.read(cursor, sort, order)
