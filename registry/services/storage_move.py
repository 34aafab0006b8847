"""All that the storage holds to another place, while the registry serves, and then the moment when that place counts.

`copy` may be repeated as often as one likes: each time less is left. `switch` copies what is left once the registry
stands still, and lets the database name the copies, in one transaction. What is at the old place stays there.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.metadata.transaction import Transaction
from registry.services import blob_move, index_move, index_objects, installation
from registry.services.blob_move import Copied, NotCopied, Place
from registry.services.context import Services, now
from registry.services.progress import Watcher, unwatched
from storage_backends.contract import BlobStore
from storage_backends.errors import ObjectNotFound

_STATE = "moving/state"
_FORMAT = 1
_SEALED_FOR = "storage-move"
_NAME_BYTES = 8
# Events are recorded by the clocks of several machines, and seen when their transactions are committed.
_MARGIN = timedelta(minutes=10)


class PlaceOccupied(Exception):
    """The place holds something that is not this registry's."""

    def __str__(self) -> str:
        return "the new storage holds something already; begin with an empty one"


class NotAllCopied(Exception):
    """Some blobs are not at the new place; nothing was switched."""

    def __str__(self) -> str:
        return "some blobs could not be copied; nothing was switched"


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of a place: its name, and when it was level with the registry last."""

    name: str
    level_at: datetime | None


async def copy(
    services: Services, target: BlobStore, *, told: Callable[[NotCopied], None], progress: Watcher = unwatched
) -> Copied:
    """Bring all that the storage holds, and `target` does not, to that; and drop there what is gone here.

    The registry may serve meanwhile. `told` learns of every blob that cannot be copied. What was interrupted goes on.

    Raises:
        PlaceOccupied: there is something else at `target`.
        StorageError: it took no more.
    """
    began = now()
    state = await _state(services, target)
    place = Place(state.name, target)
    await services.database.write(_forget_others, place.name)
    copied = await blob_move.level(services, place, told=told, progress=progress)
    since = None if state.level_at is None else state.level_at - _MARGIN
    if since is None or since <= began - timedelta(seconds=services.settings.event_retention_s):
        await index_move.write_all(services, place, progress)
    else:
        await index_move.follow(services, place, since)
    await _keep(services, target, _State(place.name, began))
    return copied


async def switch(
    services: Services,
    target: BlobStore,
    *,
    without_lost: bool,
    told: Callable[[NotCopied], None],
    progress: Watcher = unwatched,
) -> Copied:
    """Copy what is left, and let the database name the copies from then on. Nothing may serve the registry meanwhile.

    With `without_lost`, blobs that cannot be copied stay behind: they are suspect then, and heal when they are pushed.

    Raises:
        NotAllCopied: a blob could not be copied, or came meanwhile; nothing is switched.
        PlaceOccupied, StorageError: as `copy`.
    """
    # Bytes that are to go are removed where they are: their keys mean nothing at the new place.
    while await index_objects.write_behind(services):
        pass
    copied = await copy(services, target, told=told, progress=progress)
    if copied.not_copied and not without_lost:
        raise NotAllCopied
    place = Place((await _state(services, target)).name, target)
    nowhere = await blob_move.key_of_nothing(place)
    await installation.pair(services.database, target)
    await services.database.write(_switch, place.name, nowhere, left_behind=copied.not_copied)
    # A registry that is started with the old place by mistake is refused then.
    await services.store.delete_object(installation.OBJECT)
    await target.delete_object(_STATE)
    return copied


async def _state(services: Services, target: BlobStore) -> _State:
    """What an earlier attempt has left at `target`; that of a new one where there is nothing at all."""
    try:
        content = await target.get_object(_STATE)
    except ObjectNotFound:
        return await _begun(services, target)
    fields = json.loads(content)
    name = str(fields["place"])
    if not await services.secrets.verifies(_SEALED_FOR, name.encode(), bytes.fromhex(fields["seal"])):
        raise PlaceOccupied
    level_at = fields["level_at"]
    return _State(name, None if level_at is None else datetime.fromisoformat(level_at))


async def _begun(services: Services, target: BlobStore) -> _State:
    async for _ in target.list_objects(""):
        raise PlaceOccupied
    async for _ in target.list_keys():
        raise PlaceOccupied
    state = _State(secrets.token_hex(_NAME_BYTES), None)
    await _keep(services, target, state)
    return state


async def _keep(services: Services, target: BlobStore, state: _State) -> None:
    fields = {
        "format": _FORMAT,
        "place": state.name,
        # By which the same registry knows it again.
        "seal": services.secrets.seal(_SEALED_FOR, state.name.encode()).hex(),
        "level_at": None if state.level_at is None else state.level_at.isoformat(),
    }
    await target.put_object(_STATE, json.dumps(fields).encode())


def _forget_others(tx: Transaction, place: str) -> None:
    tx.moves.forget_others(place)


def _switch(tx: Transaction, place: str, nowhere: str, *, left_behind: int) -> None:
    if tx.moves.unmoved_totals(place)[0] != left_behind:
        raise NotAllCopied
    tx.moves.switch(place, nowhere)
