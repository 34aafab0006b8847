import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import DatabaseUnavailable
from registry.metadata import migrate
from registry.metadata.database import open_database
from tests.certificates import Authority, Certificate
from tests.ports import free_port
from tests.postgresql import USER, running_cluster

pytestmark = [pytest.mark.tool("postgres"), pytest.mark.tool("openssl")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def client(authority: Authority) -> Certificate:
    return authority.sign(USER)


@pytest.fixture(scope="module")
def url(authority: Authority) -> Iterator[str]:
    """A server that is `localhost` by its certificate, and lets in who shows one of the same authority."""
    own, port = authority.sign("localhost"), str(free_port())
    files = {
        "server.crt": own.certificate.read_text(),
        "server.key": own.key.read_text(),
        "root.crt": authority.certificate.read_text(),
        "pg_hba.conf": "local all all trust\nhostssl all all 127.0.0.1/32 cert\n",
    }
    settings = {"listen_addresses": "127.0.0.1", "port": port, "ssl": "on", "ssl_ca_file": "root.crt"}
    with running_cluster(settings, files):
        yield f"postgresql://{USER}@localhost:{port}/postgres"


async def test_a_certificate_of_the_configured_authority_is_believed(
    url: str, authority: Authority, client: Certificate
) -> None:
    shown = f"sslcert={client.certificate}&sslkey={client.key}"
    known = f"{url}?sslmode=verify-full&sslrootcert={authority.certificate}&{shown}"

    assert await asyncio.to_thread(migrate.current, known) is None
    await asyncio.to_thread(migrate.upgrade, known)
    async with await open_database(known) as database:
        await database.ping()


async def test_another_name_and_another_authority_are_not(
    url: str, authority: Authority, client: Certificate, tmp_path: Path
) -> None:
    shown = f"sslcert={client.certificate}&sslkey={client.key}"
    other = Authority.made_in(tmp_path)
    by_address = url.replace("localhost", "127.0.0.1")

    for refused in (
        f"{url}?sslmode=verify-full&sslrootcert={other.certificate}&{shown}",
        f"{by_address}?sslmode=verify-full&sslrootcert={authority.certificate}&{shown}",
    ):
        with pytest.raises(DatabaseUnavailable) as raised:
            await asyncio.to_thread(migrate.current, refused)
        assert "certificate" in raised.value.cause


async def test_who_shows_no_certificate_stays_out(url: str, authority: Authority) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        await asyncio.to_thread(migrate.current, f"{url}?sslmode=verify-full&sslrootcert={authority.certificate}")

    assert "client certificate" in raised.value.cause
