"""Grants: set, changed and taken back."""

from __future__ import annotations

import pytest

from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.roles import Role
from registry.auth.subject import OPERATOR
from registry.errors import GrantUnknown, NamespaceUnknown
from registry.services import accounts, grants
from registry.services.context import Services

ALICE = AccountName.parse("alice")
MINE, ELSEWHERE = RepositoryPattern.parse("alice/*"), RepositoryPattern.parse("team/*")


async def test_a_role_is_changed_and_taken_back(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, "hash")
    for role in (Role.READER, Role.WRITER):
        await grants.put(services, OPERATOR, ALICE, role, pattern=MINE)
    with pytest.raises(NamespaceUnknown):
        await grants.put(services, OPERATOR, ALICE, Role.READER, pattern=ELSEWHERE)

    listed = await grants.listing(services, OPERATOR, ALICE)
    await grants.remove(services, OPERATOR, ALICE, MINE)

    assert [(each.pattern, each.bucket, each.role) for each in listed] == [("alice/*", "alice/", "writer")]
    with pytest.raises(GrantUnknown):
        await grants.remove(services, OPERATOR, ALICE, MINE)
