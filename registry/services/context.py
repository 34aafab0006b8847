"""What every service works with: the open database and store, the policy, and the settings that shape behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from registry import limits
from registry.auth.policy import Policy
from registry.egress.contract import Egress
from registry.metadata.database import Database
from registry.metadata.rows import Visibility
from registry.services.credential_uses import CredentialUses
from registry.services.image_configs import ImageConfigs
from registry.services.probes import Probes
from registry.services.pull_times import PullTimes
from registry.services.refusals import Refusals
from registry.services.server_secrets import ServerSecrets
from storage_backends.contract import BlobStore

if TYPE_CHECKING:
    from registry.auth.passwords import Passwords
    from registry.auth.signing_keys import SigningKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configured values that services decide by. Sizes in bytes, times in seconds."""

    sparse_manifests: bool = False
    upload_expire_s: int = limits.UPLOAD_EXPIRE_S
    event_retention_s: int = limits.EVENT_RETENTION_S
    audit_retention_s: int = 0
    gc_grace_s: int = limits.GC_GRACE_S
    gc_interval_s: int = limits.GC_INTERVAL_S
    keep_untagged: bool = False
    manifest_bytes: int = limits.MANIFEST_BYTES
    blob_bytes: int = limits.BLOB_BYTES
    page_entries: int = limits.PAGE_ENTRIES
    default_visibility: Visibility = Visibility.PRIVATE


@dataclass(slots=True, kw_only=True)
class Services:
    """The open parts of one running registry process; made by `registry.app`, closed by it.

    A reload of the configuration replaces `settings`, and nothing else.
    """

    database: Database
    store: BlobStore
    policy: Policy
    secrets: ServerSecrets
    open_signing_keys: Callable[[], SigningKeys]
    pulls: PullTimes
    settings: Settings
    egress: Egress
    image_configs: ImageConfigs = field(default_factory=ImageConfigs)
    probes: Probes = field(default_factory=Probes)
    refusals: Refusals = field(default_factory=Refusals)
    credential_uses: CredentialUses = field(default_factory=CredentialUses)
    _signing_keys: SigningKeys | None = None
    _passwords: Passwords | None = None

    @property
    def signing_keys(self) -> SigningKeys:
        """The keys that sign tokens; opened when first asked for, since their library takes a third of a start."""
        if self._signing_keys is None:
            self._signing_keys = self.open_signing_keys()
        return self._signing_keys

    @property
    def passwords(self) -> Passwords:
        """What hashes and proves passwords; made when first asked for, since few processes need its library."""
        if self._passwords is None:
            from registry.auth.passwords import Passwords

            self._passwords = Passwords()
        return self._passwords

    async def close(self) -> None:
        """End the threads that these services have begun themselves, after their work."""
        if self._passwords is not None:
            await self._passwords.close()


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


def lease_from(moment: datetime) -> datetime:
    """Until when a positive answer given at `moment` keeps its blob from being collected."""
    return moment + timedelta(seconds=limits.LEASE_S)
