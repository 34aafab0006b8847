"""What clients were told by a registry, and what it therefore has to keep, whichever of its processes are killed.

Before a request that changes something is sent, the ledger forgets what would be certain without it; when it is
answered, the ledger knows again. So what is written here is always what has to be true of a registry that is asked now.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[str, str]
"""A repository, and a digest or a tag in it."""


UPLOAD_EXPIRE_S = 60
"""How long an upload session of the registry under test may rest."""


class Broken(AssertionError):
    """The registry broke a promise."""


@dataclass(slots=True)
class Content:
    """A blob or manifest in a repository: certainly there until a moment of the monotonic clock, or certainly gone."""

    until: float = 0.0
    gone: bool = False

    @property
    def is_promised(self) -> bool:
        """Whether it has to be there now."""
        return time.monotonic() < self.until


@dataclass(slots=True)
class TagState:
    """What a tag named, oldest first, None while it named nothing; and what it may name after an unanswered request."""

    history: list[str | None] = field(default_factory=lambda: [None])
    possible: set[str | None] = field(default_factory=set)

    @property
    def current(self) -> str | None:
        """What it named when that was last certain."""
        return self.history[-1]

    def settle(self, digest: str | None) -> None:
        """It names `digest`."""
        if digest != self.current:
            self.history.append(digest)
        self.possible = {digest}


@dataclass(slots=True)
class SharedTag:
    """A tag that all clients move: what answered and unanswered moves of this round may have left it with."""

    before: str | None = None
    answered: set[str | None] = field(default_factory=set)
    unanswered: set[str | None] = field(default_factory=set)

    @property
    def possible(self) -> set[str | None]:
        """What it may name."""
        return (self.answered or {self.before}) | self.unanswered

    def settle(self, digest: str | None) -> None:
        """It names `digest`."""
        self.before, self.answered, self.unanswered = digest, set(), set()


@dataclass(slots=True)
class OpenUpload:
    """An upload session: `acknowledged` of its bytes are there, as of `since`, and at most `most`."""

    repository: str
    digest: str
    content: bytes = field(repr=False)
    path: str
    acknowledged: int = 0
    most: int = 0
    closing: bool = False
    cancelling: bool = False
    since: float = field(default_factory=time.monotonic)
    story: list[str] = field(default_factory=list, repr=False)

    def may_have_expired(self, *, within_s: float = 0.0) -> bool:
        """Whether the registry may forget it by now, or will be allowed to in so many seconds."""
        return time.monotonic() + within_s > self.since + UPLOAD_EXPIRE_S


@dataclass(frozen=True, slots=True)
class Change:
    """A request that was not answered: either the manifest and all these tags are as it wanted them, or none is."""

    manifest: Place
    tags: tuple[str, ...]
    put: bool
    known_before: bool


class Ledger:
    """All that is known of one registry; what was touched since it was last inspected is in `touched`.

    The registry protects what it said it has for `lease_s` seconds; half of that is certain from any positive answer.
    """

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self.blobs: dict[Place, Content] = {}
        self.manifests: dict[Place, Content] = {}
        self.tags: dict[Place, TagState] = {}
        self.shared: dict[Place, SharedTag] = {}
        self.referrers: dict[Place, set[str]] = {}
        self.uploads: list[OpenUpload] = []
        self.changes: list[Change] = []
        self.touched: set[tuple[str, Place]] = set()

    def blob(self, place: Place) -> Content:
        """The blob at `place`, which is touched."""
        self.touched.add(("blob", place))
        return self.blobs.setdefault(place, Content())

    def manifest(self, place: Place) -> Content:
        """The manifest at `place`, which is touched."""
        self.touched.add(("manifest", place))
        return self.manifests.setdefault(place, Content())

    def tag(self, place: Place) -> TagState:
        """A tag that one client moves, which is touched."""
        self.touched.add(("tag", place))
        return self.tags.setdefault(place, TagState())

    def shared_tag(self, place: Place) -> SharedTag:
        """A tag that many clients move, which is touched."""
        self.touched.add(("shared", place))
        return self.shared.setdefault(place, SharedTag())

    def named(self, repository: str, tag: str) -> str | None:
        """What a client's own tag is known to name; None if nothing, or if that is not certain."""
        state = self.tags.get((repository, tag))
        return state.current if state is not None and state.possible <= {state.current} else None

    def names_of(self, place: Place) -> list[str]:
        """The clients' own tags that are known to name the manifest at `place`."""
        repository, digest = place
        return [tag for (name, tag), state in self.tags.items() if name == repository and state.current == digest]


def promise(contents: Iterable[Content], until: float) -> None:
    """All of these are there until then, or longer where that was said before."""
    for content in contents:
        content.until, content.gone = max(content.until, until), False


def forget(content: Content) -> None:
    """A request to remove it is sent: nothing is certain until it is answered."""
    content.until = 0.0
