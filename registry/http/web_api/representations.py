"""What the web API answers, as types: their fields are the JSON that clients read, and what the API document shows.

Sizes are bytes; times are RFC 3339 in UTC. A field is always there; what is not known, or does not apply, is null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from registry import limits
from registry.metadata.rows import Visibility
from registry.services.manifest_tree import ManifestRole

Time = Annotated[datetime, Meta(tz=True)]
Size = Annotated[int, Meta(ge=0)]


class Platform(Struct, frozen=True):
    """What an image runs on (image-spec, "OCI Image Index")."""

    os: str
    architecture: str
    variant: str | None
    os_version: str | None
    os_features: list[str]


class Repository(Struct, frozen=True):
    """A repository, and how many tags it has. `headline` is the first line of its description, which may be cut.

    `pulls` counts manifests that were sent for a tag, `pulled_at` tells of the last one.
    """

    name: str
    tags: Size
    visibility: Visibility
    headline: str
    created_at: Time
    updated_at: Time
    pulls: Size
    pulled_at: Time | None


class RepositoryDetail(Repository, frozen=True):
    """A repository, and all of its description."""

    description: Annotated[str, Meta(description="Markdown; empty where nobody wrote one.")]


class RepositoryChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be said of a repository."""

    description: Annotated[
        str,
        Meta(
            description=f"Markdown of at most {limits.DESCRIPTION_BYTES} bytes in UTF-8, "
            "without control characters but newlines and tabs."
        ),
    ]


class VisibilityChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may pull from a repository: everyone, or who was granted it."""

    visibility: Visibility


class RepositoryPage(Struct, frozen=True):
    """Some of the repositories that were asked for; `next_cursor` leads to the next, null where there are none.

    A page may have fewer than `limit`, or none, and a next one all the same.
    """

    repositories: list[Repository]
    next_cursor: str | None


class SearchPage(Struct, frozen=True):
    """Some of the repositories that were found, the best first; `next_cursor` leads to the next, null after the last.

    Where very many may match, `complete` is false: those that the words fit worst may be missing.
    """

    repositories: list[Repository]
    complete: bool
    next_cursor: str | None


class Tag(Struct, frozen=True):
    """A tag and the manifest that it names. `size` adds manifest, config and layers, for an index those of its images.

    `artifact_type` is null for images. `pushed_at` and `pushed_by` tell of the tag: since when it names this digest.
    """

    name: str
    digest: str
    media_type: str
    artifact_type: str | None
    size: Size
    platforms: list[Platform]
    pushed_at: Time
    pushed_by: str
    pulled_at: Time | None
    pulls: Annotated[Size, Meta(description="By this name, whatever it named then.")]


class TagPage(Struct, frozen=True):
    """Some of a repository's tags that were asked for; `total` counts all of them, `next_cursor` leads to the next."""

    repository: str
    tags: list[Tag]
    total: Size
    next_cursor: str | None


class ImageConfiguration(Struct, frozen=True):
    """How an image runs (image-spec, "OCI Image Configuration"); `command` is what Dockerfiles call CMD."""

    created_at: Time | None
    author: str | None
    command: list[str]
    entrypoint: list[str]
    environment: list[str]
    exposed_ports: list[str]
    labels: dict[str, str]
    user: str | None
    working_directory: str | None
    volumes: list[str]
    stop_signal: str | None


class Layer(Struct, frozen=True):
    """A layer of an image, or one of the files of an artifact."""

    digest: str
    media_type: str
    size: Size


class BuildStep(Struct, frozen=True):
    """One step of an image's build; `layer` is the digest of the layer that it made, where that can be told."""

    created_at: Time | None
    created_by: str | None
    comment: str | None
    empty_layer: bool
    layer: str | None


class Manifest(Struct, frozen=True):
    """A manifest that a tag leads to: the one that it names, or one of its index, those of nested indexes included.

    `configuration` is null for what is no image, and where it is missing, broken or too large to be shown.
    """

    digest: str
    media_type: str
    role: ManifestRole
    artifact_type: str | None
    size: Size
    present: Annotated[bool, Meta(description="Whether this repository holds it.")]
    platform: Platform | None
    configuration: ImageConfiguration | None
    layers: list[Layer]
    history: list[BuildStep]


class TagDetail(Tag, frozen=True):
    """A tag, and all that is known about what it leads to."""

    repository: str
    annotations: dict[str, str]
    subject: Annotated[str | None, Meta(description="The digest of the manifest that this one is about.")]
    manifests: list[Manifest]
    complete: Annotated[bool, Meta(description="False where there is more than one answer describes.")]


class TagInterval(Struct, frozen=True):
    """What a tag named for some time, and who moved it there and away; `valid_until` is null while it still does."""

    digest: str
    valid_from: Time
    valid_until: Time | None
    actor: str
    ended_by: str | None


class TagHistory(Struct, frozen=True):
    """What a tag has named, newest first; `next_cursor` leads to what was before."""

    repository: str
    tag: str
    history: list[TagInterval]
    next_cursor: str | None


class Protection(Struct, frozen=True):
    """Tags that cannot be moved or removed: one by its name, or all that fit a pattern with `*`."""

    pattern: str
    created_at: Time
    created_by: str


class ProtectionList(Struct, frozen=True):
    """All protections of a repository, in the byte order of their patterns."""

    repository: str
    protections: list[Protection]


class TagTarget(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tag shall name: a manifest of the same repository."""

    digest: Annotated[str, Meta(description="The manifest's digest.", examples=["sha256:" + "0" * 64])]


class TagRestoration(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of its former manifests a tag shall name again: the one before, unless a digest or steps say otherwise."""

    digest: (
        Annotated[str, Meta(description="One that the tag named at any time; `steps` do not count then.")] | None
    ) = None
    steps: Annotated[
        int, Meta(ge=1, le=limits.RESTORE_STEPS, description="How many steps of the tag's history to go back.")
    ] = 1


class RestoredTag(Struct, frozen=True):
    """A tag and what it names again."""

    repository: str
    tag: str
    digest: str


class ProblemCause(Struct, frozen=True):
    """One thing that is wrong; for a parameter, `detail` names it and what was expected."""

    code: str
    message: str
    detail: Any = None


class Problem(Struct, frozen=True):
    """Why a request was refused (RFC 9457); `code` is the distribution specification's."""

    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemCause]


class AuditEntry(Struct, frozen=True):
    """An entry of the audit log. `detail` is a JSON object, as text; `previous` and `hash` chain it, in hexadecimal."""

    id: Size
    at: Time
    actor: str
    credential: str
    address: str
    request_id: str
    action: str
    target: str
    outcome: str
    detail: str
    previous: str
    hash: str


class AuditPage(Struct, frozen=True):
    """Some of the entries that were asked for, newest first; `next_cursor` leads to older ones."""

    entries: list[AuditEntry]
    next_cursor: str | None


class AuditPoint(Struct, frozen=True):
    """A place in the chain of the audit log: an entry and its hash, in hexadecimal; `id` 0 is before the first one."""

    id: Size
    hash: str


class AuditFault(Struct, frozen=True):
    """An entry at which the chain does not hold, and why."""

    entry: Size
    reason: str


class AuditVerification(Struct, frozen=True):
    """How many entries were looked at, where the chain begins and ends, and what is wrong with it, if anything is."""

    entries: Size
    start: AuditPoint
    head: AuditPoint
    faults: list[AuditFault]
