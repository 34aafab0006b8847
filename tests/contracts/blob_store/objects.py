"""Small index objects."""

import asyncio

import pytest

from storage_backends.contract import BlobStore
from storage_backends.errors import (
    ObjectNameInvalid,
    ObjectNotFound,
)
from tests.contracts.blob_store.names import HOSTILE
from tests.contracts.blob_store.sources import MIB
from tests.patterns import pattern


class ObjectContract:
    """Small index objects under names of the caller's choice."""

    @pytest.mark.parametrize("content", [b"", b"{}", pattern(5 * MIB)], ids=["empty", "small", "5 MiB"])
    @pytest.mark.parametrize("name", ["a", "repositories/team/app/_tags/v1.0-rc_1", "-/_/A.b", "x/" + "n" * 255])
    async def test_an_object_is_what_was_last_put(
        self, store: BlobStore, peer: BlobStore, name: str, content: bytes
    ) -> None:
        await store.put_object(name, b"something else, and longer")

        await store.put_object(name, content)

        assert await store.get_object(name) == content
        assert await peer.get_object(name) == content

    async def test_objects_put_together_are_each_what_was_put(self, store: BlobStore, peer: BlobStore) -> None:
        await store.put_object("a/1", b"old")
        objects = {f"{folder}/{index}": pattern(index * 1000) for folder in ("a", "a/b", "c") for index in range(30)}

        await store.put_objects(objects)
        await store.put_objects({})

        assert {name: await peer.get_object(name) async for name in peer.list_objects("")} == objects

    async def test_objects_that_say_the_same_change_and_go_each_alone(self, store: BlobStore, peer: BlobStore) -> None:
        await store.put_objects(dict.fromkeys(("a/1", "a/2", "b/1", "b/2"), b"same"))

        await store.put_objects({"a/1": b"other", "a/2": b"same"})
        await store.delete_object("b/1")

        assert {name: await peer.get_object(name) async for name in peer.list_objects("")} == {
            "a/1": b"other",
            "a/2": b"same",
            "b/2": b"same",
        }

    async def test_a_removed_object_is_not_found(self, store: BlobStore) -> None:
        await store.put_object("a/b/c", b"x")

        await store.delete_object("a/b/c")
        await store.delete_object("a/b/c")

        for name in ("a/b/c", "a/b", "never/was"):
            with pytest.raises(ObjectNotFound) as absent:
                await store.get_object(name)
            assert absent.value.name == name
        assert [name async for name in store.list_objects("")] == []

    async def test_names_are_listed_by_what_they_begin_with(self, store: BlobStore) -> None:
        names = {"top", "team/app/_tags/1", "team/app/_tags/2", "team/app-2/_tags/1", "team/app/_links/x/y"}
        for name in names:
            await store.put_object(name, name.encode())

        assert {name async for name in store.list_objects("")} == names
        assert {name async for name in store.list_objects("team/app/")} == {
            n for n in names if n.startswith("team/app/")
        }
        assert {name async for name in store.list_objects("team/app/_tags/")} == {
            "team/app/_tags/1",
            "team/app/_tags/2",
        }
        assert [name async for name in store.list_objects("nobody/")] == []

    async def test_what_is_listed_may_be_removed_while_listing(self, store: BlobStore) -> None:
        names = {f"{folder}/{index}" for folder in ("a", "a/b", "c") for index in range(20)}
        for name in names:
            await store.put_object(name, b"")

        listed = set()
        async for name in store.list_objects(""):
            listed.add(name)
            await store.delete_object(name)

        assert listed == names
        assert [name async for name in store.list_objects("")] == []

    async def test_a_reader_sees_one_content_whole(self, store: BlobStore, peer: BlobStore) -> None:
        contents = [bytes([digit]) * (100_000 * digit) for digit in range(1, 5)]
        await store.put_object("shared", contents[0])

        async def writing(node: BlobStore) -> None:
            for content in contents * 5:
                await node.put_object("shared", content)

        async def reading() -> set[bytes]:
            return {await store.get_object("shared") for _ in range(50)}

        _, _, seen = await asyncio.gather(writing(store), writing(peer), reading())

        assert seen <= set(contents)

    async def test_putting_and_removing_neighbours_at_once_harms_neither(
        self, store: BlobStore, peer: BlobStore
    ) -> None:
        async def churn(node: BlobStore, name: str) -> None:
            for _ in range(15):
                await node.put_object(f"deep/er/{name}", name.encode())
                assert await node.get_object(f"deep/er/{name}") == name.encode()
                await node.delete_object(f"deep/er/{name}")

        await asyncio.gather(
            *[churn(node, f"{place}{index}") for place, node in (("s", store), ("p", peer)) for index in range(4)]
        )

        assert [name async for name in store.list_objects("")] == []

    @pytest.mark.parametrize("name", [*HOSTILE, "x" * 256, "/".join(["x" * 200] * 6)])
    async def test_no_other_name_is_taken(self, store: BlobStore, name: str) -> None:
        calls = (store.put_object(name, b""), store.put_objects({"a": b"", name: b""}), store.get_object(name),
                 store.delete_object(name))  # fmt: skip
        for call in calls:
            with pytest.raises(ObjectNameInvalid):
                await call

    async def test_a_prefix_ends_where_a_component_does(self, store: BlobStore) -> None:
        for prefix in ("team", "/", "../", "a//"):
            with pytest.raises(ObjectNameInvalid):
                await anext(store.list_objects(prefix))
