"""Who holds which upload, among all workers and nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from registry.metadata.rows import UploadHold
from registry.metadata.schema import upload_hold
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from datetime import datetime

_ACQUIRE = insert(
    upload_hold,
    lambda new: new.on_conflict_do_update(
        index_elements=["key"],
        set_={"owner": new.excluded.owner, "token": new.excluded.token, "until": new.excluded.until},
        where=upload_hold.c.until <= bindparam("now", type_=upload_hold.c.until.type),
    ).returning(upload_hold.c.token),
)
_THIS_KEY = upload_hold.c.key == bindparam("this_key")
_FIND = select(upload_hold.c.owner, upload_hold.c.token, upload_hold.c.until).where(_THIS_KEY)
_THIS_HOLD = (_THIS_KEY, upload_hold.c.token == bindparam("this_token"))
_RENEW = update(upload_hold).where(*_THIS_HOLD)
_RELEASE = delete(upload_hold).where(*_THIS_HOLD)
_REMOVE_ENDED = delete(upload_hold).where(upload_hold.c.until < bindparam("before"))


class UploadHolds:
    """The holds on uploads, of blob stores that cannot lock."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def acquire(self, key: str, hold: UploadHold, *, now: datetime) -> bool:
        """Take the hold on the upload `key`; False when somebody else has it at `now`."""
        values = {"key": key, "owner": hold.owner, "token": hold.token, "until": hold.until, "now": now}
        return self._runner.value(_ACQUIRE, values) is not None

    def find(self, key: str) -> UploadHold | None:
        """Give the hold on the upload `key`, which may have ended; None if nobody has it."""
        row = self._runner.row(_FIND, {"this_key": key})
        return None if row is None else UploadHold(*row)

    def renew(self, key: str, token: str, *, until: datetime) -> bool:
        """Hold on until `until`; False when the hold is gone."""
        return self._runner.change(_RENEW, {"this_key": key, "this_token": token, "until": until}) > 0

    def release(self, key: str, token: str) -> bool:
        """Let the next one take the upload at once; False when the hold was gone."""
        return self._runner.change(_RELEASE, {"this_key": key, "this_token": token}) > 0

    def remove_ended(self, before: datetime) -> int:
        """Forget holds that ended before then; how many there were."""
        return self._runner.change(_REMOVE_ENDED, {"before": before})
