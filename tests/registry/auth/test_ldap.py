"""Logins that a real directory decides."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.ldap import Directory, DirectorySettings
from registry.errors import DirectoryUnavailable
from tests.certificates import Authority
from tests.requirements import require_tool

ALICE = AccountName.parse("alice")
BASE = "dc=example,dc=org"
PROVED = Identity(ALICE, "ldap", f"uid=alice,{BASE}")

pytestmark = pytest.mark.tool("slapd")

_ENTRIES = f"""dn: {BASE}
objectClass: domain
dc: example
""" + "".join(
    f"""
dn: uid={name},{BASE}
objectClass: inetOrgPerson
uid: {name}
cn: {common}
sn: {name}
userPassword: {name}-password
"""
    for name, common in (("alice", "Alice"), ("bob", "Twin"), ("carol", "Twin"))
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[int, int]]:
    directory = tmp_path_factory.mktemp("slapd")
    (directory / "data").mkdir()
    (directory / "entries").write_text(_ENTRIES)
    certificate = authority.sign("localhost")
    configuration = directory / "slapd.conf"
    schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    configuration.write_text(
        f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        f"TLSCACertificateFile {authority.certificate}\nTLSCertificateFile {certificate.certificate}\n"
        f"TLSCertificateKeyFile {certificate.key}\n"
        f'database mdb\nsuffix "{BASE}"\nrootdn "cn=root,{BASE}"\nrootpw root-password\ndirectory {directory}/data\n'
    )
    slapd = str(require_tool("slapd"))
    subprocess.run([slapd, "-T", "add", "-f", configuration, "-l", directory / "entries"], check=True)
    plain, secure = free_port(), free_port()
    addresses = f"ldap://localhost:{plain} ldaps://localhost:{secure}"
    process = subprocess.Popen([slapd, "-f", configuration, "-h", addresses, "-d", "0"])
    try:
        wait_for(secure)
        yield plain, secure
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("localhost", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end
        else:
            return


@pytest.fixture
def settings(ports: tuple[int, int]) -> DirectorySettings:
    return DirectorySettings("localhost", ports[0], BASE)


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
    for wrong in ("bob-password", "Alice-password", "", "\0", "a" * 2000):
        assert await directory.prove(ALICE, wrong) is None
    assert await directory.prove(AccountName.parse("nobody"), "alice-password") is None


@pytest.mark.parametrize("name", ["*", "al*", "alice)(uid=*", "*)(|(uid=alice)", "alice\0", "\\61lice", "alice)(", ""])
async def test_a_name_is_never_read_as_a_filter(directory: Directory, name: str) -> None:
    # No such name passes `AccountName.parse`; the filter does not rely on it.
    assert await directory.prove(AccountName(name), "alice-password") is None


async def test_a_name_that_means_two_entries_proves_neither(settings: DirectorySettings) -> None:
    assert await prove(replace(settings, filter="(|(uid={name})(cn=Twin))"), AccountName("bob")) is None


async def test_the_directory_is_searched_as_who_may_search(settings: DirectorySettings) -> None:
    root = replace(settings, bind_dn=f"cn=root,{BASE}", bind_password="root-password")

    assert await prove(root) == PROVED
    with pytest.raises(DirectoryUnavailable) as raised:
        await prove(replace(root, bind_password="wrong"))
    assert "bind_dn" in raised.value.cause
    assert "root-password" not in repr(root)


async def test_connections_are_secured_and_certificates_checked(
    settings: DirectorySettings, ports: tuple[int, int], authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority.made_in(tmp_path / "stranger").certificate
    for secured in (replace(settings, use_start_tls=True), replace(settings, port=ports[1], use_ldaps=True)):
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
