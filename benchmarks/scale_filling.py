"""A registry of any size in PostgreSQL, made there by a few statements: as if it had been pushed.

Each repository has 10 tags of as many images, each of 5 layers; 3 of those are its own, 2 come from popular images.
"""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from registry.metadata import migrate

TAGS: Final = 10
OWN_LAYERS: Final = 3
SHARED_LAYERS: Final = 2
SHARED_BLOBS: Final = 1000
REPOSITORIES_PER_NAMESPACE: Final = 100

_LAYERS = OWN_LAYERS + SHARED_LAYERS
_CONTENT_BYTES = 1000
_STATEMENTS: Final = (
    """INSERT INTO namespace (id, name, created_at, kind)
       SELECT n, format('team%s', lpad(n::text, 6, '0')), 0, 'organisation'
       FROM generate_series(1, {repositories} / {per_namespace} + 1) n""",
    """INSERT INTO repository (id, namespace_id, name, created_at, updated_at, pulls)
       SELECT r, r / {per_namespace} + 1,
           format('team%s/app%s', lpad((r / {per_namespace} + 1)::text, 6, '0'), lpad(r::text, 8, '0')), r, r, r % 1000
       FROM generate_series(1, {repositories}) r""",
    # The popular ones first.
    """INSERT INTO blob (id, algorithm, digest, size, key, state, created_at)
       SELECT b, 'sha256', sha256(('blob ' || b)::bytea), 20000000, md5(b::text), 'present', 0
       FROM generate_series(1, {shared_blobs} + {repositories} * {tags} * {own}) b""",
    """INSERT INTO link (repository_id, blob_id, created_at, lease_until)
       SELECT r, {shared_blobs} + (r - 1) * {tags} * {own} + n, 0, 0
       FROM generate_series(1, {repositories}) r, generate_series(1, {tags} * {own}) n
       UNION ALL SELECT r, (r * 7 + n * 13) % {shared_blobs} + 1, 0, 0
       FROM generate_series(1, {repositories}) r, generate_series(1, {tags} * {shared}) n""",
    """INSERT INTO manifest
           (id, repository_id, algorithm, digest, media_type, kind, size, pushed_at, pushed_by, content)
       SELECT (r - 1) * {tags} + t, r, 'sha256', sha256(format('image %s %s', r, t)::bytea),
           'application/vnd.oci.image.manifest.v1+json', 'image', {content}, r, 'user:alice',
           substr(repeat(encode(sha256(format('%s %s', r, t)::bytea), 'hex'), {content} / 64 + 1), 1, {content})::bytea
       FROM generate_series(1, {repositories}) r, generate_series(1, {tags}) t""",
    """INSERT INTO manifest_reference
           (manifest_id, position, repository_id, role, algorithm, digest, media_type, size, present)
       SELECT (r - 1) * {tags} + t, n, r, 'layer', 'sha256',
           sha256(('blob ' || CASE WHEN n <= {own} THEN {shared_blobs} + ((r - 1) * {tags} + t - 1) * {own} + n
               ELSE (r * 7 + n * 13) % {shared_blobs} + 1 END)::bytea),
           'application/vnd.oci.image.layer.v1.tar+gzip', 20000000, true
       FROM generate_series(1, {repositories}) r, generate_series(1, {tags}) t, generate_series(1, {layers}) n""",
    """INSERT INTO tag (repository_id, name, algorithm, digest, valid_from, actor)
       SELECT r, format('v%s', t), 'sha256', sha256(format('image %s %s', r, t)::bytea), r, 'user:alice'
       FROM generate_series(1, {repositories}) r, generate_series(1, {tags}) t""",
    """INSERT INTO search_gram (gram, repository_id)
       SELECT DISTINCT substr(part, s, 3), id FROM repository, regexp_split_to_table(name, '/') part,
           generate_series(1, length(part) - 2) s""",
)
_AFTERWARDS: Final = (
    "SELECT setval(pg_get_serial_sequence('tag', 'id'), (SELECT max(id) FROM tag))",
    # No node collects garbage while it is measured.
    "INSERT INTO job_lease (name, owner, until, token) VALUES ('garbage-collection', 'elsewhere', 9e15, 1)",
)
_TABLES: Final = (
    "namespace",
    "repository",
    "blob",
    "link",
    "manifest",
    "manifest_reference",
    "tag",
    "search_gram",
)
# Foreign keys of other tables to these, and of these; then what they refer to.
_CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text AS relation, conname AS name,
        pg_get_constraintdef(oid) AS definition, contype = 'f' AS foreign
    FROM pg_constraint
    WHERE contype IN ('f', 'p', 'u')
        AND (conrelid::regclass::text = ANY($1) OR confrelid <> 0 AND confrelid::regclass::text = ANY($1))
    ORDER BY contype = 'f' DESC
"""
_INDEXES: Final = """
    SELECT indexname AS name, indexdef AS definition FROM pg_indexes
    WHERE tablename = ANY($1)
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname AND contype IN ('p', 'u'))
"""


async def fill(url: str, repositories: int) -> None:
    """Migrate the empty database at `url` and fill it.

    Indexes are made at the end, which is faster. It is one transaction: with `wal_level=minimal` no log is written.
    """
    await asyncio.to_thread(migrate.upgrade, url)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {', '.join(_TABLES)} CASCADE")
            constraints = await connection.fetch(_CONSTRAINTS, _TABLES)
            indexes = await connection.fetch(_INDEXES, _TABLES)
            for each in constraints:
                await connection.execute(f"ALTER TABLE {each['relation']} DROP CONSTRAINT {each['name']}")
            for each in indexes:
                await connection.execute(f"DROP INDEX {each['name']}")
            for statement in _STATEMENTS:
                await connection.execute(statement.format_map(_values(repositories)))
            for each in indexes:
                await connection.execute(each["definition"])
            for each in reversed(constraints):
                # What was made here refers to what is there.
                known = " NOT VALID" if each["foreign"] else ""
                await connection.execute(
                    f"ALTER TABLE {each['relation']} ADD CONSTRAINT {each['name']} {each['definition']}{known}"
                )
            for statement in _AFTERWARDS:
                await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


def _values(repositories: int) -> dict[str, int]:
    return {
        "repositories": repositories,
        "per_namespace": REPOSITORIES_PER_NAMESPACE,
        "shared_blobs": SHARED_BLOBS,
        "tags": TAGS,
        "own": OWN_LAYERS,
        "shared": SHARED_LAYERS,
        "layers": _LAYERS,
        "content": _CONTENT_BYTES,
    }
