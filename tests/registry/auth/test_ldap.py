"""Logins that a real directory decides."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.ldap import Directory, DirectorySettings
from registry.errors import DirectoryUnavailable
from tests.certificates import Authority
from tests.directory import BASE, ROOT_DN, ROOT_PASSWORD, RunningDirectory, running_directory
from tests.ports import free_port

ALICE = AccountName.parse("alice")
PROVED = Identity(ALICE, "ldap", f"uid=alice,{BASE}")

pytestmark = pytest.mark.tool("slapd")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[RunningDirectory]:
    with running_directory(tmp_path_factory.mktemp("slapd"), authority) as running:
        yield running


@pytest.fixture
def settings(running: RunningDirectory) -> DirectorySettings:
    return DirectorySettings("localhost", running.plain, BASE)


@pytest.fixture
async def directory(settings: DirectorySettings) -> AsyncIterator[Directory]:
    directory = Directory(settings)
    yield directory
    await directory.close()


async def prove(settings: DirectorySettings, name: AccountName = ALICE) -> Identity | None:
    directory = Directory(settings)
    try:
        return await directory.prove(name, f"{name}-password")
    finally:
        await directory.close()


async def test_only_the_right_password_of_a_name_proves_it(directory: Directory) -> None:
    assert await directory.prove(ALICE, "alice-password") == PROVED
    for wrong in ("bob-password", "Alice-password", "", "\0", "a" * 2000, "\x01", "\u00ad"):
        assert await directory.prove(ALICE, wrong) is None
    assert await directory.prove(AccountName.parse("nobody"), "alice-password") is None


@pytest.mark.parametrize("name", ["*", "al*", "alice)(uid=*", "*)(|(uid=alice)", "alice\0", "\\61lice", "alice)(", ""])
async def test_a_name_is_never_read_as_a_filter(directory: Directory, name: str) -> None:
    # No such name passes `AccountName.parse`; the filter does not rely on it.
    assert await directory.prove(AccountName(name), "alice-password") is None


async def test_a_name_that_means_two_entries_proves_neither(settings: DirectorySettings) -> None:
    assert await prove(replace(settings, filter="(|(uid={name})(cn=Twin))"), AccountName("bob")) is None


async def test_the_directory_is_searched_as_who_may_search(settings: DirectorySettings) -> None:
    root = replace(settings, bind_dn=ROOT_DN, bind_password=ROOT_PASSWORD)

    assert await prove(root) == PROVED
    with pytest.raises(DirectoryUnavailable) as raised:
        await prove(replace(root, bind_password="wrong"))
    assert "bind_dn" in raised.value.cause
    assert ROOT_PASSWORD not in repr(root)


async def test_an_entry_is_known_by_the_attribute_that_stays_with_it(settings: DirectorySettings) -> None:
    proved = await prove(replace(settings, id_attribute="entryUUID"))

    assert proved is not None
    assert str(UUID(proved.external_id)) == proved.external_id
    with pytest.raises(DirectoryUnavailable) as raised:
        await prove(replace(settings, id_attribute="mail"))
    assert "0 values of `id_attribute`" in raised.value.cause


async def test_where_everybodys_name_is_known_nobody_is_searched(settings: DirectorySettings) -> None:
    named = replace(settings, base="", user_dn=f"uid={{name}},{BASE}")

    assert await prove(named) == PROVED
    assert await prove(named, AccountName("nobody")) is None
    for name in ("alice,dc=other", "*", "al\\69ce", 'alice"'):
        assert await prove(named, AccountName(name)) is None


async def test_nobody_is_asked_about_robots(settings: DirectorySettings) -> None:
    assert await prove(replace(settings, port=free_port()), AccountName.parse("team+ci")) is None


async def test_connections_are_secured_and_certificates_checked(
    settings: DirectorySettings, running: RunningDirectory, authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.made_in(tmp_path / "stranger").certificate
    for secured in (replace(settings, use_start_tls=True), replace(settings, port=running.secure, use_ldaps=True)):
        assert await prove(replace(secured, ca_file=authority.certificate)) == PROVED
        with pytest.raises(DirectoryUnavailable):
            await prove(replace(secured, ca_file=stranger))
        with pytest.raises(DirectoryUnavailable):
            await prove(replace(secured, ca_file=authority.certificate, host="127.0.0.1"))


async def test_a_directory_that_is_not_there_is_unavailable(settings: DirectorySettings) -> None:
    with pytest.raises(DirectoryUnavailable):
        await prove(replace(settings, port=free_port()))


async def test_a_directory_that_hangs_is_unavailable_after_a_while(settings: DirectorySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = replace(settings, host="127.0.0.1", port=silent.getsockname()[1], timeout_s=1)

        with pytest.raises(DirectoryUnavailable):
            await prove(hanging)
