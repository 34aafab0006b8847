"""Rules that concern more than one key of `[database]`."""

import os
from collections.abc import Iterator
from typing import Final

from registry.config.database_schema import Database
from registry.config.schema import Config

SSL_PARAMETERS: Final = {"mode": "sslmode", "ca_file": "sslrootcert", "certificate": "sslcert", "key": "sslkey"}
"""What the keys of `[database.tls]` are called in a URL of PostgreSQL."""


def problems_of_the_database(config: Config) -> Iterator[tuple[str, str]]:
    """What contradicts itself in `[database]`, by key."""
    database = config.database
    if database.pool_min > database.pool_max:
        yield "database.pool_min", "is more than `database.pool_max`"
    yield from _problems_of_tls(database)


def _problems_of_tls(database: Database) -> Iterator[tuple[str, str]]:
    tls = database.tls
    given = [name for name in SSL_PARAMETERS if getattr(tls, name) is not None]
    for name in given:
        if database.url.dialect != "postgresql":
            yield f"database.tls.{name}", "is for PostgreSQL only"
        elif SSL_PARAMETERS[name] in database.url.parameters:
            yield f"database.tls.{name}", f"stands in `database.url` too, as `{SSL_PARAMETERS[name]}`"
    has_authorities = tls.ca_file is not None or "sslrootcert" in database.url.parameters
    if tls.mode in ("verify-ca", "verify-full") and not has_authorities:
        yield "database.tls.ca_file", f"is missing: with `{tls.mode}` the server's certificate has to lead to it"
    if (tls.certificate is None) != (tls.key is None):
        yield "database.tls", "`certificate` and `key` belong together"
    for name, file in (("ca_file", tls.ca_file), ("certificate", tls.certificate), ("key", tls.key)):
        if file is not None and not os.access(file, os.R_OK):
            yield f"database.tls.{name}", f"{file} cannot be read"
