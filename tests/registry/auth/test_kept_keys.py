"""When the keys of another token server are read, and how long they are in force."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from registry import limits
from registry.auth.kept_keys import KeptKeys, read_file
from registry.auth.trusted_keys import TrustedKeys
from registry.errors import OutgoingUnreachable, TokenInvalid, TrustedKeysInvalid, TrustedKeysUnavailable

FRESH_S = 300.0


class Server:
    """A token server that has keys of some ids, or is away; it and the keeper of its keys have one clock."""

    def __init__(self) -> None:
        self.key_ids: list[str] | None = ["one"]
        self.asked = 0
        self.now = 1000.0
        self.keys = KeptKeys(
            self._read, partial(TrustedKeys.of_key_set_text, place="set"), fresh_s=FRESH_S, clock=lambda: self.now
        )

    async def knows(self, key_id: str) -> bool:
        """Whether a token that is signed by this key would be taken."""
        try:
            await self.keys.find({"kid": key_id}, self.now)
        except TokenInvalid:
            return False
        return True

    async def settled(self) -> None:
        """Return when what is read beside requests has been."""
        if reading := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            await asyncio.wait(reading)

    async def _read(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.key_ids is None:
            raise OutgoingUnreachable("it is away")
        return json.dumps({"keys": [KEY | {"kid": key_id} for key_id in self.key_ids]}).encode()


KEY: dict[str, Any] = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.keys.close()


async def test_keys_are_read_once_for_all_who_need_them(server: Server) -> None:
    assert await asyncio.gather(*(server.knows("one") for _ in range(20))) == [True] * 20

    assert server.asked == 1


async def test_a_new_key_is_known_with_its_first_token(server: Server) -> None:
    assert await server.knows("one")
    server.now += limits.TRUSTED_KEYS_AGAIN_S
    server.key_ids = ["one", "two"]

    assert await server.knows("two")

    assert server.asked == 2


async def test_attack_tokens_with_made_up_keys_do_not_make_the_registry_ask_often(server: Server) -> None:
    assert await server.knows("one")

    for _ in range(20):
        assert await asyncio.gather(*(server.knows(f"x{number}") for number in range(20))) == [False] * 20
        server.now += 1

    assert server.asked <= 1 + 20 / limits.TRUSTED_KEYS_AGAIN_S


async def test_the_same_keys_stay_the_same_object_and_others_do_not(server: Server) -> None:
    keys = await server.keys.current()
    server.now += FRESH_S
    await server.keys.current()
    await server.settled()
    assert await server.keys.current() is keys

    server.now, server.key_ids = server.now + FRESH_S, ["two"]
    await server.keys.current()
    await server.settled()

    assert await server.keys.current() is not keys


async def test_a_withdrawn_key_falls_after_a_while_and_nobody_waits_for_that(server: Server) -> None:
    assert await server.knows("one")
    server.now, server.key_ids = server.now + FRESH_S, ["two"]

    assert await server.knows("one")
    await server.settled()

    assert not await server.knows("one")
    assert await server.knows("two")


async def test_while_the_server_is_away_the_old_keys_hold_but_not_for_ever(server: Server) -> None:
    assert await server.knows("one")
    server.key_ids = None
    server.now += limits.TRUSTED_KEYS_STALE_S - 1
    assert await server.knows("one")
    await server.settled()

    server.now += 1
    with pytest.raises(TrustedKeysUnavailable):
        await server.knows("one")
    server.now, server.key_ids = server.now + limits.TRUSTED_KEYS_AGAIN_S, ["one"]

    assert await server.knows("one")


async def test_a_server_that_was_never_there_is_asked_now_and_then(server: Server) -> None:
    server.key_ids = None
    for _ in range(20):
        with pytest.raises(TrustedKeysUnavailable):
            await server.knows("one")
        server.now += 1

    assert server.asked == 20 / limits.TRUSTED_KEYS_AGAIN_S


async def test_who_gives_up_waiting_does_not_end_the_reading(server: Server) -> None:
    waiting = asyncio.create_task(server.knows("one"))
    await asyncio.sleep(0)
    waiting.cancel()
    await server.settled()

    assert await server.knows("one")
    assert server.asked == 1


async def test_a_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    with pytest.raises(TrustedKeysInvalid, match="No such file"):
        await read_file(path)
    path.write_bytes(b" " * limits.TRUSTED_KEYS_BYTES)
    assert len(await read_file(path)) == limits.TRUSTED_KEYS_BYTES
    path.write_bytes(b" " * (limits.TRUSTED_KEYS_BYTES + 1))

    with pytest.raises(TrustedKeysInvalid, match="longer than") as refused:
        await read_file(path)

    assert refused.value.place == str(path)
