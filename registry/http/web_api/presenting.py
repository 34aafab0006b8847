"""The services' values in the form that the web API answers."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from oci_spec import descriptor
from oci_spec.digest import Digest
from oci_spec.image_config import HistoryEntry, ImageConfig
from oci_spec.reference import RepositoryName
from oci_spec.reference import Tag as TagName
from registry.http.web_api import cursors
from registry.http.web_api.queries import AuditQuery, HistoryQuery, RepositoryQuery, TagQuery
from registry.http.web_api.representations import (
    AuditEntry,
    AuditFault,
    AuditPage,
    AuditPoint,
    AuditVerification,
    BuildStep,
    ImageConfiguration,
    Layer,
    Manifest,
    Platform,
    Protection,
    ProtectionList,
    Repository,
    RepositoryDetail,
    RepositoryPage,
    SearchPage,
    Tag,
    TagDetail,
    TagHistory,
    TagInterval,
    TagPage,
)
from registry.metadata import repository_values, rows
from registry.metadata.audit_values import AuditRow, ChainPoint
from registry.metadata.rows import RepositorySummary, TagRow
from registry.services import inspection
from registry.services.audit import Verification
from registry.services.description import headline
from registry.services.image_description import DescribedManifest, DescribedTag


def repository(found: RepositorySummary) -> Repository:
    """One repository."""
    return Repository(
        name=str(found.name),
        tags=found.tags,
        visibility=found.visibility,
        headline=headline(found.opening),
        created_at=found.created_at,
        updated_at=found.updated_at,
        pulls=found.pulls,
        pulled_at=found.pulled_at,
    )


def repository_detail(found: inspection.ShownRepository) -> RepositoryDetail:
    """All about one repository."""
    listed = msgspec.structs.asdict(repository(found.summary))
    return RepositoryDetail(**listed, description=found.description)


def repository_page(page: repository_values.RepositoryPage, query: RepositoryQuery) -> RepositoryPage:
    """A page of repositories, as `query` asked for it."""
    cursor = None if page.after is None else cursors.write(query.sort, query.order, page.after)
    return RepositoryPage([repository(found) for found in page.repositories], cursor)


def search_page(page: repository_values.FoundPage) -> SearchPage:
    """A page of what a search found."""
    cursor = None if page.after is None else cursors.write_rank(page.after)
    return SearchPage([repository(found) for found in page.repositories], page.complete, cursor)


def tag_page(name: RepositoryName, page: inspection.TagPage, query: TagQuery) -> TagPage:
    """A page of a repository's tags, as `query` asked for it."""
    cursor = None if page.after is None else cursors.write(query.sort, query.order, page.after)
    return TagPage(str(name), [_tag(found) for found in page.tags], page.total, cursor)


def tag_detail(name: RepositoryName, found: DescribedTag) -> TagDetail:
    """All about one tag."""
    return TagDetail(
        **msgspec.structs.asdict(_tag(found.listed)),
        repository=str(name),
        annotations=dict(found.annotations),
        subject=_optional(found.subject),
        manifests=[_manifest(manifest) for manifest in found.manifests],
        complete=found.complete,
    )


def tag_history(name: RepositoryName, tag: TagName, rows: Sequence[TagRow], query: HistoryQuery) -> TagHistory:
    """A page of a tag's history, from rows that were asked for one further than the page."""
    page = rows[: query.limit]
    cursor = cursors.write_number(page[-1].id) if len(rows) > len(page) else None
    history = [TagInterval(str(row.digest), row.valid_from, row.valid_until, row.actor, row.ended_by) for row in page]
    return TagHistory(str(name), str(tag), history, cursor)


def protection_list(name: RepositoryName, found: Sequence[rows.Protection]) -> ProtectionList:
    """The protections of a repository."""
    listed = [Protection(each.pattern, each.created_at, each.created_by) for each in found]
    return ProtectionList(str(name), listed)


def audit_page(found: Sequence[AuditRow], query: AuditQuery) -> AuditPage:
    """A page of the audit log, of entries that were read one further than asked for."""
    shown = found[: query.limit]
    cursor = cursors.write_number(shown[-1].id) if len(found) > query.limit else None
    return AuditPage([audit_entry(row) for row in shown], cursor)


def audit_entry(row: AuditRow) -> AuditEntry:
    """One entry of the audit log."""
    entry = row.entry
    return AuditEntry(
        id=row.id,
        at=entry.at,
        actor=entry.actor,
        credential=entry.credential,
        address=entry.address,
        request_id=entry.request_id,
        action=entry.action,
        target=entry.target,
        outcome=entry.outcome,
        detail=entry.detail,
        previous=row.previous.hex(),
        hash=row.hash.hex(),
    )


def audit_verification(found: Verification) -> AuditVerification:
    """What following the chain of the audit log has shown."""
    return AuditVerification(
        entries=found.entries,
        start=_audit_point(found.start),
        head=_audit_point(found.head),
        faults=[AuditFault(fault.entry, fault.reason) for fault in found.faults],
    )


def _audit_point(point: ChainPoint) -> AuditPoint:
    return AuditPoint(point.entry, point.hash.hex())


def _tag(found: inspection.ListedTag) -> Tag:
    detail = found.detail
    return Tag(
        name=str(detail.name),
        digest=str(detail.digest),
        media_type=detail.media_type,
        artifact_type=found.artifact_type,
        size=detail.size,
        platforms=[_platform(platform) for platform in found.platforms],
        pushed_at=detail.pushed_at,
        pushed_by=detail.pushed_by,
        pulled_at=detail.pulled_at,
        pulls=detail.pulls,
    )


def _manifest(found: DescribedManifest) -> Manifest:
    configuration = found.configuration
    return Manifest(
        digest=str(found.digest),
        media_type=found.media_type,
        role=found.role,
        artifact_type=found.artifact_type,
        size=found.size,
        present=found.present,
        platform=None if found.platform is None else _platform(found.platform),
        configuration=None if configuration is None else _configuration(configuration),
        layers=[Layer(str(layer.digest), layer.media_type, layer.size) for layer in found.layers],
        history=[] if configuration is None else _history(configuration, [layer.digest for layer in found.layers]),
    )


def _platform(found: descriptor.Platform) -> Platform:
    return Platform(found.os, found.architecture, found.variant, found.os_version, list(found.os_features))


def _configuration(found: ImageConfig) -> ImageConfiguration:
    return ImageConfiguration(
        created_at=found.created,
        author=found.author,
        command=list(found.command),
        entrypoint=list(found.entrypoint),
        environment=list(found.env),
        exposed_ports=list(found.exposed_ports),
        labels=found.labels,
        user=found.user,
        working_directory=found.working_dir,
        volumes=list(found.volumes),
        stop_signal=found.stop_signal,
    )


def _history(found: ImageConfig, layers: Sequence[Digest]) -> list[BuildStep]:
    made = sum(not step.empty_layer for step in found.history)
    # Steps and layers are told apart by nothing but their order, so a history of other length says nothing of layers.
    remaining = iter(layers if made == len(layers) else ())
    return [_step(step, None if step.empty_layer else next(remaining, None)) for step in found.history]


def _step(step: HistoryEntry, layer: Digest | None) -> BuildStep:
    return BuildStep(step.created, step.created_by, step.comment, step.empty_layer, _optional(layer))


def _optional(digest: Digest | None) -> str | None:
    return None if digest is None else str(digest)
