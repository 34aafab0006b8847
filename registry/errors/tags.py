"""Tags that cannot be moved, removed, restored or protected."""

from __future__ import annotations

from collections.abc import Sequence

from oci_spec.digest import Digest
from oci_spec.reference import TAG_MAX_LENGTH, RepositoryName, Tag
from registry.errors.root import RegistryError


class TagPatternInvalid(RegistryError, ValueError):
    """Text that is no pattern of tags."""

    def __init__(self, text: str) -> None:
        self.text = text[:TAG_MAX_LENGTH]
        self.message = f"{self.text!r} is no tag and no pattern of tags like 'v1.*' or '*'"


class TagProtected(RegistryError):
    """Tags that are protected name something, and a request would have moved or removed them.

    `stored` is the manifest of a push, which is kept: others of its tags may name it.
    """

    def __init__(self, repository: RepositoryName, tags: Sequence[Tag], *, stored: Digest | None = None) -> None:
        self.repository, self.tags, self.stored = repository, tuple(tags), stored
        names = ", ".join(map(str, self.tags))
        self.message = f"protected in {repository}, neither to be moved nor removed: {names}"
        if stored is not None:
            self.message += f"; the manifest is stored as {stored}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tags": [str(tag) for tag in self.tags]}


class RepositoryProtected(RegistryError):
    """A repository has protected tags, `tag` among them, and would be removed without a word about them."""

    def __init__(self, repository: RepositoryName, tag: Tag) -> None:
        self.repository, self.tag = repository, tag
        self.message = (
            f"repository {repository} has protected tags, {tag} among them; say that they shall go too, with "
            "`?protected=remove` or `--protected-too`"
        )

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tag": str(self.tag)}


class TagNotRestorable(RegistryError):
    """A tag cannot name again what it named before; `reason` says why."""

    def __init__(self, repository: RepositoryName, tag: Tag, reason: str) -> None:
        self.repository, self.tag, self.reason = repository, tag, reason
        self.message = f"tag {tag} of {repository} cannot be restored: {reason}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "tag": str(self.tag)}


class ProtectionUnknown(RegistryError):
    """No tags of the repository are protected by this pattern."""

    def __init__(self, repository: RepositoryName, pattern: str) -> None:
        self.repository, self.pattern = repository, pattern
        self.message = f"repository {repository} has no protection {pattern}"

    @property
    def detail(self) -> object:
        return {"name": str(self.repository), "pattern": self.pattern}


class ProtectionsTooMany(RegistryError):
    """A repository has as many protections as it may have."""

    def __init__(self, repository: RepositoryName, limit: int) -> None:
        self.repository, self.limit = repository, limit
        self.message = f"repository {repository} has {limit} protections, the most; a pattern protects many tags"


class TagParametersTooMany(RegistryError):
    """A manifest push names more tags than one request may."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"a push may name at most {limit} tags; name the others in further pushes of the same manifest"
