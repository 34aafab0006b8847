"""Looking after the keys that sign tokens: for whoever may administer the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from registry import limits
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.subject import Subject
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now

if TYPE_CHECKING:
    from registry.auth.signing_keys import KeyState, SigningKeys


class OldKeys(StrEnum):
    """What becomes of the keys before a new one: they verify what they have signed, or it is refused."""

    VERIFY = "verify"
    REFUSED = "refused"


async def listing(services: Services, subject: Subject) -> list[KeyState]:
    """All keys that are kept, newest first.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await (await _keys(services)).states()


async def rotate(services: Services, subject: Subject, old: OldKeys) -> str:
    """Let a new key sign from now on, and give its id.

    Old ones that verify do so until their last tokens have expired. Where they are refused, no process takes a token
    any more that one of them has signed when this ends.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    keys = await _keys(services)
    replace = {OldKeys.VERIFY: keys.replace, OldKeys.REFUSED: keys.replace_all}[old]
    key_id = await services.database.write(_recorded, replace, str(subject), old)
    if old is OldKeys.REFUSED:
        await asyncio.sleep(limits.SIGNING_KEYS_FRESH_S)
    return key_id


async def _keys(services: Services) -> SigningKeys:
    # In a thread: where nobody logs in, their library is loaded by the first who asks.
    return await asyncio.to_thread(lambda: services.signing_keys)


def _recorded(tx: Transaction, replace: Callable[[Transaction], str], actor: str, old: OldKeys) -> str:
    key_id = replace(tx)
    detail = {"old_keys": str(old)}
    audit.record(tx, audit.Action.KEYS_ROTATED, actor=actor, target=key_id, moment=now(), detail=detail)
    return key_id
