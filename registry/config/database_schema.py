"""The keys of `[database]`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from registry.config.takes_effect import RESTART
from registry.config.values import DatabaseUrl


class DatabaseTls(Struct, frozen=True, kw_only=True):
    """How the connections to PostgreSQL are encrypted; what is not set is as `database.url` or the driver has it."""

    mode: Annotated[
        Literal["disable", "prefer", "require", "verify-ca", "verify-full"] | None,
        RESTART,
        Meta(
            description="As libpq's `sslmode`: `verify-full` is the one that lets nobody stand between; not set, "
            "`prefer` (encrypted where the server can, whoever it is)."
        ),
    ] = None
    ca_file: Annotated[
        Path | None, RESTART, Meta(description="PEM file of authorities for the server's certificate.")
    ] = None
    certificate: Annotated[
        Path | None, RESTART, Meta(description="PEM file of the certificate that the server is shown, and its chain.")
    ] = None
    key: Annotated[
        Path | None, RESTART, Meta(description="PEM file of that certificate's private key, without a passphrase.")
    ] = None


class Database(Struct, frozen=True, kw_only=True):
    """Where repositories, manifests, tags and upload sessions live."""

    url: Annotated[
        DatabaseUrl,
        RESTART,
        Meta(
            description="`sqlite:////path/file.db` (by default the file `registry.db` in `server.data`), or "
            "`postgresql://user:password@host:port/name` for several nodes.",
            extra={"secret": True},
        ),
    ] = DatabaseUrl("sqlite:///data/registry.db")
    migrate_at_start: Annotated[
        bool,
        RESTART,
        Meta(description="Whether `serve` brings the schema up to date; if not, an older schema stops it."),
    ] = True
    pool_min: Annotated[
        int,
        RESTART,
        Meta(ge=1, le=1000, description="Connections to PostgreSQL that each worker keeps open once it needed them."),
    ] = 12
    pool_max: Annotated[
        int,
        RESTART,
        Meta(
            ge=2,
            le=1000,
            description="Most connections of one worker; those beyond `pool_min` are opened under load and closed "
            "after use. One in three is for lookups alone.",
        ),
    ] = 12
    pgbouncer: Annotated[
        bool,
        RESTART,
        Meta(
            description="Whether a PgBouncer in transaction mode stands before PostgreSQL: nothing is then prepared or "
            "set for longer than a transaction."
        ),
    ] = False
    connect_timeout_s: Annotated[
        float, RESTART, Meta(ge=0.1, le=300, description="How long PostgreSQL may take to accept a connection.")
    ] = 5.0
    statement_timeout_s: Annotated[
        float | None,
        RESTART,
        Meta(
            ge=0.1,
            le=3600,
            description="How long PostgreSQL may take for one statement (migrations excepted); not set, as long as the "
            "server has it, and 15 s at most.",
        ),
    ] = None
    lock_timeout_s: Annotated[
        float | None,
        RESTART,
        Meta(
            ge=0.01,
            le=3600,
            description="How long a statement may wait for a lock on a row; not set, as long as the server has it.",
        ),
    ] = None
    tls: DatabaseTls = DatabaseTls()
