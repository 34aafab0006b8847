"""What the registry cannot do now, and may a moment later."""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors.root import RETRY_AFTER_S, RegistryError


class Unavailable(RegistryError):
    """The registry cannot answer now and may a moment later. `cause` goes to the log, never to the client."""

    message = "the registry cannot do this right now; try again"

    def __init__(self, cause: str = "") -> None:
        self.cause = cause

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(RETRY_AFTER_S)}


class DatabaseBusy(Unavailable):
    """The database stayed locked, or the transaction kept colliding, for longer than a request may wait."""

    message = "the registry's database is busy; try again"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached or cannot be written."""

    message = "the registry's database is not available; try again"


class DirectoryUnavailable(Unavailable):
    """The directory or the file that knows names and passwords cannot be asked."""

    message = "logins cannot be proved right now; try again"


class TrustedKeysUnavailable(Unavailable):
    """The keys of the token server that is trusted could not be read, now or for too long."""

    message = "tokens cannot be verified right now; try again"


class ShuttingDown(Unavailable):
    """This process is about to stop and takes no new work."""

    message = "this node is shutting down; try again"


class StorageFull(Unavailable):
    """No space is left for bytes or rows."""

    message = "the registry has no space left"
