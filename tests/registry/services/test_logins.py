"""Logins of people whom an outside source knows, here an htpasswd file, beside those with an account of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import bcrypt
import pytest
from structlog.testing import capture_logs

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Authenticator, Identity
from registry.auth.htpasswd import Htpasswd
from registry.auth.id_tokens import IdTokens
from registry.auth.openid_providers import OpenIdProviders
from registry.auth.subject import OPERATOR, Subject
from registry.errors import DirectoryUnavailable, LoginFailed, PasswordElsewhere, TooManyRequests
from registry.metadata.account_rows import NamespaceKind
from registry.metadata.audit_values import AuditSearch
from registry.services import accounts, audit, organisations
from registry.services.context import Services
from registry.services.credential_uses import CredentialUses
from registry.services.logins import From, Logins
from registry.services.outside_sources import OutsideSources
from registry.services.workloads import WorkloadLogins
from tests.registry.assembly import ON_SQLITE
from tests.registry.metadata.examples import NOW

pytestmark = ON_SQLITE

ALICE = AccountName.parse("alice")
HERE, THERE = "192.0.2.1", "192.0.2.2"
OURS, THEIRS = "correct horse battery", "what the file says"


class Elsewhere:
    """A second source, which differs from the first by its name."""

    def __init__(self, htpasswd: Htpasswd) -> None:
        self._htpasswd = htpasswd

    async def prove(self, name: AccountName, password: str) -> Identity | None:
        identity = await self._htpasswd.prove(name, password)
        return None if identity is None else replace(identity, source="elsewhere")


class Way:
    """Logs in to one worker at a time of the test's choosing; `file` is the source that is asked first of two."""

    def __init__(self, services: Services, file: Path, sources: list[Authenticator]) -> None:
        self.file, self.passwords = file, services.passwords
        self.seconds = 0.0
        self.uses = CredentialUses()
        outside = OutsideSources(sources, lambda: self.seconds)
        workloads = WorkloadLogins(services.database, IdTokens(OpenIdProviders(services.egress)))
        self._logins = Logins(services.database, services.passwords, self.uses, outside=outside, workloads=workloads)

    def know(self, **people: str) -> None:
        """Let the file say these names and passwords, and no others."""
        write(self.file, **people)

    async def __call__(self, name: str, password: str, moment: datetime = NOW, address: str = HERE) -> Subject:
        return await self._logins.by_name(name, password, From(ip_address(address), moment))

    async def lets_in(self, name: str, password: str, moment: datetime = NOW) -> bool:
        """Whether they are let in; anything but a wrong name or password is raised."""
        try:
            await self(name, password, moment)
        except LoginFailed:
            return False
        return True


def write(file: Path, **people: str) -> None:
    lines = (f"{name}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}\n" for name, word in people.items())
    file.write_text("".join(lines))


@pytest.fixture
async def way(services: Services, tmp_path: Path) -> AsyncIterator[Way]:
    first, second = tmp_path / "first", tmp_path / "second"
    write(first, alice=THEIRS)
    write(second, alice="second to none", carol="only here")
    async with AsyncExitStack() as stack:
        files = [Htpasswd(path) for path in (first, second)]
        for file in files:
            stack.push_async_callback(file.close)
        yield Way(services, first, [files[0], Elsewhere(files[1])])


async def add_alice(services: Services) -> None:
    await accounts.add(services, OPERATOR, ALICE, OURS)


async def test_a_person_gets_an_account_with_a_namespace_at_the_first_login(services: Services, way: Way) -> None:
    subject = await way("alice", THEIRS)
    again = await way("alice", THEIRS)

    account = await accounts.show(services, OPERATOR, ALICE)
    namespace = await services.database.read(lambda tx: tx.namespaces.find("alice"))
    assert namespace is not None
    assert namespace.kind is NamespaceKind.USER
    assert await services.database.read(lambda tx: tx.namespaces.owns(namespace.id, account.id))
    assert (account.source, account.external_id, account.created_by) == ("htpasswd", "alice", "system:htpasswd")
    assert (account.password_hash, account.is_admin, account.last_login_at) == (None, False, NOW)
    assert subject.account_id == again.account_id == account.id
    assert str(subject.proof) == "password"
    entries = [row.entry for row in await audit.page(services, AuditSearch(), None, 9)]
    assert [entry.action for entry in entries] == ["login", "account.made"]
    assert json.loads(entries[0].detail) == {"source": "htpasswd"}


async def test_each_proof_of_a_password_is_a_login_and_so_is_the_memory_of_one_from_elsewhere(
    services: Services, way: Way
) -> None:
    for address in (HERE, HERE, THERE, THERE):
        await way("alice", THEIRS, address=address)
    way.seconds += limits.OUTSIDE_PROOF_S
    await way("alice", THEIRS)
    await way.uses.flush(services.database)

    entries = [row.entry async for row in audit.export(services, AuditSearch(action="login"))]
    assert [(entry.actor, entry.credential) for entry in entries] == [("user:alice", "password")] * 3


async def test_the_file_is_not_asked_again_for_a_moment_and_then_is(services: Services, way: Way) -> None:
    await way("alice", THEIRS)
    way.know(alice="another")
    assert await way.lets_in("alice", THEIRS)
    assert await way.lets_in("alice", "another")

    way.seconds += limits.OUTSIDE_PROOF_S

    assert not await way.lets_in("alice", THEIRS)
    assert await way.lets_in("alice", "another")


async def test_an_account_of_ours_is_not_taken_over(services: Services, way: Way) -> None:
    await add_alice(services)

    with capture_logs() as lines:
        assert not await way.lets_in("alice", THEIRS)

    assert [(line["name"], line["source"]) for line in lines] == [("alice", "htpasswd")]
    assert THEIRS not in str(lines)
    assert str((await way("alice", OURS)).proof) == "password"
    assert (await accounts.show(services, OPERATOR, ALICE)).source == "local"


async def test_an_organisations_name_is_not_taken_over(services: Services, way: Way) -> None:
    await organisations.create(services, OPERATOR, ALICE)

    with capture_logs() as lines:
        assert not await way.lets_in("alice", THEIRS)

    assert [line["name"] for line in lines] == ["alice"]
    assert await accounts.listing(services, OPERATOR, limit=9) == []


async def test_who_comes_from_one_source_does_not_come_from_another(way: Way) -> None:
    assert (await way("carol", "only here")).account_id
    assert await way.lets_in("alice", THEIRS)

    with capture_logs() as lines:
        assert not await way.lets_in("alice", "second to none")

    assert [line["name"] for line in lines] == ["alice"]


async def test_who_was_disabled_stays_so_whatever_the_file_says(services: Services, way: Way) -> None:
    await way("alice", THEIRS)
    await accounts.disable(services, OPERATOR, ALICE)

    assert not await way.lets_in("alice", THEIRS)
    way.seconds += limits.OUTSIDE_PROOF_S
    assert not await way.lets_in("alice", THEIRS)
    await accounts.enable(services, OPERATOR, ALICE)

    assert await way.lets_in("alice", THEIRS)


async def test_a_password_that_is_kept_elsewhere_is_not_set_here(services: Services, way: Way) -> None:
    await way("alice", THEIRS)

    with pytest.raises(PasswordElsewhere, match="kept by htpasswd"):
        await accounts.set_password(services, OPERATOR, ALICE, OURS)


async def test_every_wrong_password_costs_the_same_whoever_it_is_of(services: Services, way: Way) -> None:
    await way("carol", "only here")
    await add_alice(services)
    costs = []
    for name in ("alice", "carol", "nobody"):
        way.passwords.hashings = 0
        assert not await way.lets_in(name, "wrong")
        costs.append(way.passwords.hashings)

    assert costs == [1, 1, 1]


@pytest.mark.parametrize("name", ["alice", "nobody"])
async def test_guesses_are_held_back_as_those_at_our_own_are(way: Way, name: str) -> None:
    for _ in range(limits.LOGIN_FREE_FAILURES + 1):
        assert not await way.lets_in(name, "guess")

    with pytest.raises(TooManyRequests):
        await way(name, THEIRS)
    if name == "alice":
        assert await way.lets_in("alice", THEIRS, NOW + timedelta(seconds=2))


async def test_a_source_that_cannot_be_asked_is_nobodys_failure_but_of_who_guesses_at_ours(
    services: Services, way: Way
) -> None:
    await accounts.add(services, OPERATOR, AccountName.parse("bob"), OURS)
    way.file.write_text("broken\n")
    for _ in range(limits.LOGIN_FREE_FAILURES + 1):
        with pytest.raises(DirectoryUnavailable):
            await way("alice", THEIRS)

    for _ in range(limits.LOGIN_FREE_FAILURES + 1):
        with pytest.raises(DirectoryUnavailable):
            await way("bob", "guess")
    with pytest.raises(TooManyRequests):
        await way("bob", OURS)

    assert await way.lets_in("bob", OURS, NOW + timedelta(seconds=2))
    way.know(alice=THEIRS)
    assert await way.lets_in("alice", THEIRS)
