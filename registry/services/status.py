"""How the registry is: its nodes, who does which job, what waits to be done, and how much is stored."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from registry import limits
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.subject import Subject
from registry.metadata.node_rows import Installation, Node
from registry.metadata.revision import HEAD
from registry.metadata.rows import Backlog, NamedLease, Usage
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from registry.version import version


class NodeState(msgspec.Struct, frozen=True):
    """A node, and whether it has been seen lately: it may have died, or been cut off from the database."""

    node: Node
    is_alive: bool


class JobState(msgspec.Struct, frozen=True):
    """A periodic job, and who owns it until when; nobody where `owner` is None."""

    name: str
    owner: str | None
    until: datetime | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The registry at one moment."""

    version: str
    installation: str | None
    schema_revision: str | None
    program_revision: str
    nodes: tuple[NodeState, ...]
    jobs: tuple[JobState, ...]
    unwritten_changes: Backlog
    uploads: int
    storage: Usage


async def of(services: Services, subject: Subject) -> Status:
    """The status of the whole registry, as the database knows it.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    schema_revision = await services.database.revision()
    found = await services.database.read(_survey)
    moment = now()
    return Status(
        version=version(),
        installation=None if found.installation is None else found.installation.identity,
        schema_revision=schema_revision,
        program_revision=HEAD,
        nodes=tuple(NodeState(node, is_alive(node, moment)) for node in found.nodes),
        jobs=tuple(_job(lease, moment) for lease in found.leases),
        unwritten_changes=found.backlog,
        uploads=found.uploads,
        storage=found.usage,
    )


def is_alive(node: Node, moment: datetime) -> bool:
    """Whether a node has been seen so lately that it has missed no more than two beats."""
    return moment - node.seen_at < timedelta(seconds=3 * limits.NODE_BEAT_S)


class _Survey(msgspec.Struct, frozen=True):
    installation: Installation | None
    nodes: list[Node]
    leases: list[NamedLease]
    backlog: Backlog
    uploads: int
    usage: Usage


def _survey(tx: Transaction) -> _Survey:
    return _Survey(
        installation=tx.installations.find(),
        nodes=tx.nodes.all(),
        leases=tx.leases.all(),
        backlog=tx.outbox.backlog(),
        uploads=tx.uploads.count(),
        usage=tx.blobs.usage(),
    )


def _job(lease: NamedLease, moment: datetime) -> JobState:
    is_held = bool(lease.owner) and lease.until > moment
    return JobState(lease.name, lease.owner if is_held else None, lease.until if is_held else None)
