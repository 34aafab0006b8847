"""One transaction of the metadata database and what can be asked and changed in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.metadata.accounts import Accounts
from registry.metadata.audit import Audit
from registry.metadata.blobs import Blobs
from registry.metadata.contents import Contents
from registry.metadata.credentials import Credentials
from registry.metadata.federations import Federations
from registry.metadata.garbage import Garbage
from registry.metadata.grants import Grants
from registry.metadata.installations import Installations
from registry.metadata.leases import Leases
from registry.metadata.login_failures import LoginFailures
from registry.metadata.manifests import Manifests
from registry.metadata.moves import Moves
from registry.metadata.namespaces import Namespaces
from registry.metadata.nodes import Nodes
from registry.metadata.organisations import Organisations
from registry.metadata.outbox import Outbox
from registry.metadata.protections import Protections
from registry.metadata.pulls import Pulls
from registry.metadata.repositories import Repositories
from registry.metadata.robots import Robots
from registry.metadata.secrets import Secrets
from registry.metadata.self_check import SelfCheck
from registry.metadata.statements import Runner
from registry.metadata.tags import Tags
from registry.metadata.teams import Teams
from registry.metadata.upload_holds import UploadHolds
from registry.metadata.uploads import Uploads
from registry.metadata.verification import Verification

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Transaction:
    """What a unit of work gets: one object per aggregate, all in the same transaction."""

    __slots__ = (
        "accounts",
        "audit",
        "blobs",
        "contents",
        "credentials",
        "federations",
        "garbage",
        "grants",
        "installations",
        "leases",
        "login_failures",
        "manifests",
        "moves",
        "namespaces",
        "nodes",
        "organisations",
        "outbox",
        "protections",
        "pulls",
        "repositories",
        "robots",
        "secrets",
        "self_check",
        "tags",
        "teams",
        "upload_holds",
        "uploads",
        "verification",
    )

    def __init__(self, connection: Connection) -> None:
        """Stand on a connection whose transaction has begun; the caller ends it."""
        runner = Runner(connection)
        self.audit = Audit(runner)
        self.repositories = Repositories(runner)
        self.blobs = Blobs(runner)
        self.manifests = Manifests(runner)
        self.tags = Tags(runner)
        self.protections = Protections(runner)
        self.uploads = Uploads(runner)
        self.upload_holds = UploadHolds(runner)
        self.leases = Leases(runner)
        self.login_failures = LoginFailures(runner)
        self.outbox = Outbox(runner)
        self.secrets = Secrets(runner)
        self.pulls = Pulls(runner)
        self.garbage = Garbage(runner)
        self.moves = Moves(runner)
        self.contents = Contents(runner)
        self.verification = Verification(runner)
        self.accounts = Accounts(runner)
        self.robots = Robots(runner)
        self.credentials = Credentials(runner)
        self.federations = Federations(runner)
        self.namespaces = Namespaces(runner)
        self.organisations = Organisations(runner)
        self.teams = Teams(runner)
        self.grants = Grants(runner)
        self.installations = Installations(runner)
        self.nodes = Nodes(runner)
        self.self_check = SelfCheck(runner)
