from pathlib import Path

import pytest

from registry.app.database_access import connecting_of, url_of
from registry.config import ConfigInvalid, load
from registry.config.schema import Config

URL = {"database.url": "postgresql://u:p@h/d"}
CA = {"database.tls.ca_file": "/dev/null"}


def configured(flags: dict[str, str]) -> Config:
    return load(environment={}, flags=flags)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"database.pool_min": "13"}, "database.pool_min: is more than"),
        (CA, "database.tls.ca_file: is for PostgreSQL only"),
        (URL | {"database.tls.mode": "verify-full"}, "database.tls.ca_file: is missing"),
        (URL | {"database.tls.certificate": "/dev/null"}, "database.tls: `certificate` and `key` belong together"),
        (URL | CA | {"database.tls.ca_file": "/none"}, "database.tls.ca_file: /none cannot be read"),
        (
            {"database.url": "postgresql://h/d?sslmode=require", "database.tls.mode": "prefer"},
            "database.tls.mode: stands in `database.url` too, as `sslmode`",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(flags: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        configured(flags)

    assert said in str(raised.value)


def test_a_url_says_itself_what_the_keys_do_not() -> None:
    by_url = "postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/dev/null"

    assert url_of(configured({"database.url": by_url}).database) == by_url
    assert url_of(configured(URL).database) == URL["database.url"]


def test_the_keys_of_tls_become_parameters_of_the_url(tmp_path: Path) -> None:
    file = tmp_path / "a & b.pem"
    file.touch()
    flags = URL | {"database.tls.mode": "verify-ca", "database.tls.ca_file": str(file)}

    url = url_of(configured(flags).database)

    assert url == f"postgresql://u:p@h/d?sslmode=verify-ca&sslrootcert={tmp_path}/a%20%26%20b.pem"


def test_the_keys_of_the_pool_and_the_time_outs_reach_the_connections() -> None:
    flags = {"database.pool_min": "3", "database.pool_max": "9", "database.statement_timeout_s": "2.5"}

    connecting = connecting_of(configured(flags).database)

    assert (connecting.for_transactions, connecting.for_lookups) == ((2, 6), (1, 3))
    assert connecting.arguments["server_settings"]["statement_timeout"] == "2500ms"
