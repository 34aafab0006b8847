import asyncio

from msgspec.structs import replace

from oci_spec.descriptor import Platform
from oci_spec.digest import Digest
from oci_spec.manifest import ManifestKind
from registry.metadata.database import Database
from registry.metadata.rows import ManifestReference, ReferenceRole, Referrer
from registry.metadata.transaction import Transaction
from tests.registry.metadata.examples import (
    APP,
    NOW,
    OTHER,
    a_manifest,
    a_reference,
    a_referrer,
    digest,
    ensure,
    later,
    put,
)

LINUX = Platform("linux", "arm64", "v8", "10.0", ("feature", "other"))


async def test_a_manifest_comes_back_as_it_was_put(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        new = replace(
            a_manifest("one"),
            kind=ManifestKind.INDEX,
            artifact_type="application/example",
            config_media_type=None,
            subject=Digest.of(b"subject", "sha512"),
            annotations={"title": "Ünïcode", "empty": ""},
        )

        row, created = tx.manifests.put(ensure(tx).id, new)

        assert created
        assert tx.manifests.find(row.repository_id, new.digest) == row
        assert tx.manifests.content(row.id) == b"one"
        for field in ("digest", "media_type", "kind", "artifact_type", "config_media_type", "subject", "annotations"):
            assert getattr(row, field) == getattr(new, field)
        assert (row.size, row.pushed_at, row.pushed_by, row.pulled_at) == (3, NOW, new.pushed_by, None)

    await database.write(unit)


async def test_every_byte_of_the_largest_manifest_is_kept(database: Database) -> None:
    content = bytes(range(256)) * (4 * 1024 * 1024 // 256)

    row = await database.write(put, replace(a_manifest("big"), content=content))

    assert await database.read(lambda tx: tx.manifests.content(row.id)) == content


async def test_annotations_keep_what_the_databases_text_cannot_hold(database: Database) -> None:
    annotations = {"nul": "a\x00b", "lone surrogate": "\ud800", "\U0001f6a2": "'\"\\\n"}

    row = await database.write(put, replace(a_manifest("one"), annotations=annotations))

    assert row.annotations == annotations


async def test_references_keep_their_order_and_what_they_say(database: Database) -> None:
    references = (
        a_reference("config", ReferenceRole.CONFIG, 2),
        ManifestReference(ReferenceRole.LAYER, digest("layer"), "application/layer", 2**40, None, present=False),
        ManifestReference(ReferenceRole.MANIFEST, Digest.of(b"x", "sha512"), "application/child", 3, LINUX, True),
        # One layer may stand in a manifest twice.
        a_reference("config", ReferenceRole.LAYER, 2),
        ManifestReference(ReferenceRole.MANIFEST, digest("bare"), "t", 0, Platform("", "", None, None, ()), True),
    )

    row = await database.write(put, a_manifest("one", *references))

    assert await database.read(lambda tx: tx.manifests.references(row.id)) == list(references)


async def test_pushing_a_manifest_again_changes_what_is_said_of_it(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        here = ensure(tx).id
        first, _ = tx.manifests.put(here, a_manifest("one", a_reference("a"), a_reference("b")))

        again = replace(
            a_manifest("one", replace(a_reference("a"), present=False)),
            media_type="application/other",
            pushed_at=later(5),
            pushed_by="user:bob",
        )
        second, created = tx.manifests.put(here, again)

        assert not created
        assert second == replace(first, media_type="application/other", pushed_at=later(5), pushed_by="user:bob")
        assert tx.manifests.references(first.id) == [replace(a_reference("a"), present=False)]
        assert tx.manifests.content(first.id) == b"one"

    await database.write(unit)


async def test_one_manifest_pushed_by_many_at_once_is_stored_once(database: Database) -> None:
    await database.write(ensure)

    rows = await asyncio.gather(*(database.write(put, a_manifest("one", a_reference("a"))) for _ in range(32)))

    assert len({row.id for row in rows}) == 1
    assert await database.read(lambda tx: tx.manifests.references(rows[0].id)) == [a_reference("a")]


async def test_a_manifest_is_known_only_in_its_repository(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        put(tx, a_manifest("one"), APP)
        put(tx, a_manifest("two"), OTHER)
        here = ensure(tx, APP).id

        assert tx.manifests.exists(here, digest("one"))
        assert not tx.manifests.exists(here, digest("two"))
        assert tx.manifests.find(here, digest("two")) is None
        assert tx.manifests.known(here, (digest("one"), digest("two"))) == {digest("one")}

    await database.write(unit)


async def test_a_deleted_manifest_refers_to_nothing_any_more(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        row = put(tx, a_manifest("one", a_reference("a")))
        put(tx, a_manifest("two", a_reference("a")))
        here = row.repository_id

        assert tx.manifests.delete(here, digest("one"))

        assert not tx.manifests.delete(here, digest("one"))
        assert tx.manifests.find(here, digest("one")) is None
        assert tx.manifests.references(row.id) == []
        assert tx.manifests.parents(here, digest("a")) == [digest("two")]

    await database.write(unit)


async def test_the_parents_of_a_blob_are_those_of_its_repository(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        put(tx, a_manifest("one", a_reference("a"), a_reference("a", ReferenceRole.CONFIG)))
        put(tx, a_manifest("two", a_reference("a", ReferenceRole.MANIFEST)))
        put(tx, a_manifest("three", a_reference("b")))
        put(tx, a_manifest("four", a_reference("a")), OTHER)

        parents = tx.manifests.parents(ensure(tx).id, digest("a"))

        assert parents == sorted([digest("one"), digest("two")])

    await database.write(unit)


async def test_referrers_are_listed_in_the_order_of_their_digests_and_paged(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        texts = [f"referrer{number}" for number in range(7)]
        for text in texts:
            put(tx, a_referrer(text, "subject", None))
        put(tx, a_referrer("elsewhere", "subject", None), OTHER)
        put(tx, a_referrer("of another", "other subject", None))
        here = ensure(tx).id

        found: list[Referrer] = []
        while page := tx.manifests.referrers(here, digest("subject"), (), found[-1].digest if found else None, limit=3):
            found += page

        assert [referrer.digest for referrer in found] == sorted(digest(text) for text in texts)

    await database.write(unit)


async def test_referrers_of_all_algorithms_are_paged_in_one_order(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        digests = [Digest.of(text.encode(), algorithm) for text in "abc" for algorithm in ("sha256", "sha512")]
        for each in digests:
            put(tx, replace(a_referrer("x", "subject", None), digest=each))

        found: list[Referrer] = []
        while page := tx.manifests.referrers(
            ensure(tx).id, digest("subject"), (), found[-1].digest if found else None, limit=2
        ):
            found += page

        assert len(found) == 6
        assert {referrer.digest for referrer in found} == set(digests)

    await database.write(unit)


async def test_referrers_are_chosen_by_their_type_or_that_of_their_config(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        put(tx, a_referrer("signature", "subject", "application/signature"))
        put(tx, replace(a_referrer("image", "subject", None), config_media_type="application/sbom"))
        put(tx, replace(a_referrer("index", "subject", None), config_media_type=None))
        here = ensure(tx).id

        def types(*wanted: str) -> set[str | None]:
            return {
                referrer.artifact_type
                for referrer in tx.manifests.referrers(here, digest("subject"), wanted, None, limit=9)
            }

        assert types() == {"application/signature", "application/sbom", None}
        assert types("application/sbom") == {"application/sbom"}
        assert types("application/sbom", "application/signature") == {"application/sbom", "application/signature"}
        assert types("application/none") == set()

    await database.write(unit)


async def test_entries_tell_what_the_children_of_an_index_are(database: Database) -> None:
    def unit(tx: Transaction) -> None:
        child = put(tx, a_manifest("child", a_reference("layer")))
        entry = ManifestReference(ReferenceRole.MANIFEST, digest("child"), "application/child", 5, LINUX, present=True)
        absent = a_reference("absent", ReferenceRole.MANIFEST)
        beyond = a_reference("beyond", ReferenceRole.MANIFEST)
        parent = put(tx, a_manifest("index", entry, absent, a_reference("layer"), beyond))

        first, second = tx.manifests.entries((parent.id,), (ReferenceRole.MANIFEST,), 3)

        assert (first.digest, first.manifest_id, first.kind) == (child.digest, child.id, child.kind)
        assert first.platform == LINUX
        assert (second.digest, second.manifest_id, second.kind) == (digest("absent"), None, None)
        layers = tx.manifests.entries((parent.id, child.id), (ReferenceRole.LAYER,), 3)
        assert [layer.parent_id for layer in layers] == [child.id, parent.id]

    await database.write(unit)
