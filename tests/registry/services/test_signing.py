"""The keys of tokens: who may change them, and what is put down of it."""

from __future__ import annotations

import json
import time

import pytest

from registry import limits
from registry.auth.policy import OpenPolicy
from registry.auth.subject import OPERATOR, Subject, SubjectKind
from registry.errors import Denied
from registry.metadata.audit_values import AuditSearch
from registry.services import audit, signing
from registry.services.signing import OldKeys
from tests.registry.assembly import ON_SQLITE, OpenWorker

pytestmark = ON_SQLITE

USER = Subject(SubjectKind.USER, "alice", 7)


async def test_a_rotation_is_put_down_with_what_became_of_the_old_keys(open_worker: OpenWorker) -> None:
    services = await open_worker()

    first = await signing.rotate(services, OPERATOR, OldKeys.VERIFY)
    second = await signing.rotate(services, OPERATOR, OldKeys.REFUSED)

    told = [row.entry for row in await audit.page(services, AuditSearch(), None, 5)]
    assert [(entry.action, entry.actor, entry.target) for entry in told] == [
        ("keys.rotated", "operator", second),
        ("keys.rotated", "operator", first),
    ]
    assert [json.loads(entry.detail) for entry in told] == [{"old_keys": "refused"}, {"old_keys": "verify"}]
    assert [state.key_id for state in await signing.listing(services, OPERATOR)] == [second]


async def test_when_old_keys_are_refused_no_worker_takes_their_tokens(open_worker: OpenWorker) -> None:
    here, there = await open_worker(), await open_worker()
    old = await there.signing_keys.signing()
    began = time.monotonic()

    await signing.rotate(here, OPERATOR, OldKeys.REFUSED)

    assert await there.signing_keys.verifying(old.key_id) is None
    assert time.monotonic() - began >= limits.SIGNING_KEYS_FRESH_S


async def test_only_who_may_administer_sees_and_changes_keys(open_worker: OpenWorker) -> None:
    services = await open_worker(policy=OpenPolicy())

    with pytest.raises(Denied):
        await signing.listing(services, USER)
    for old in OldKeys:
        with pytest.raises(Denied):
            await signing.rotate(services, USER, old)

    assert await signing.listing(services, OPERATOR) == []
