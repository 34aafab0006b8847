"""Looking after the keys that sign tokens: for whoever may administer the registry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from registry import limits
from registry.auth.permission import Permission
from registry.auth.policy import require
from registry.auth.signing_keys import KeyState
from registry.auth.subject import Subject
from registry.metadata.transaction import Transaction
from registry.services import audit
from registry.services.context import Services, now


async def listing(services: Services, subject: Subject) -> list[KeyState]:
    """All keys that are kept, newest first.

    Raises:
        Denied: the policy does not allow it.
    """
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.signing_keys.states()


async def rotate(services: Services, subject: Subject) -> str:
    """Let a new key sign from now on, and give its id; the old ones verify until their last tokens have expired.

    Raises:
        Denied: the policy does not allow it.
    """
    return await _change(services, subject, services.signing_keys.replace, old="verify")


async def rotate_and_refuse_old(services: Services, subject: Subject) -> str:
    """Do what `rotate` does, and end when no process takes a token any more that an old key has signed.

    Raises:
        Denied: the policy does not allow it.
    """
    key_id = await _change(services, subject, services.signing_keys.replace_all, old="refused")
    await asyncio.sleep(limits.SIGNING_KEYS_FRESH_S)
    return key_id


async def _change(services: Services, subject: Subject, replace: Callable[[Transaction], str], *, old: str) -> str:
    await require(services.policy, subject, Permission.ADMINISTER, None)
    return await services.database.write(_recorded, replace, str(subject), old)


def _recorded(tx: Transaction, replace: Callable[[Transaction], str], actor: str, old: str) -> str:
    key_id = replace(tx)
    audit.record(tx, audit.Action.KEYS_ROTATED, actor=actor, target=key_id, moment=now(), detail={"old_keys": old})
    return key_id
