"""kill -9 at any moment: nothing acknowledged is lost, nothing partial becomes visible, no start needs a repair."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.faults.siege import KINDS, Siege, Victim

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

_SEED = int(os.environ.get("SEED") or (1 if os.environ.get("CI") == "true" else secrets.randbelow(10**6)))

# What is not in a log that only kills happened to.
_HARMLESS = {"listening", "a worker died", "a worker could not begin to serve", "garbage collected"}


async def test_nothing_acknowledged_is_lost_and_nothing_partial_is_seen_on_sqlite(
    tmp_path: Path, sqlite_url: str, migrated_sqlite_file: Path
) -> None:
    siege = Siege(tmp_path / "data", sqlite_url, _SEED)

    interrupted = await _besiege(siege, {Victim.WORKER: 150, Victim.SERVER: 30, Victim.COMMAND: 10})

    assert set(interrupted) >= set(KINDS)
    # What was written behind says the same, though who wrote it was killed all the time.
    shutil.copyfile(migrated_sqlite_file, tmp_path / "rebuilt.db")
    siege.use_database(f"sqlite:///{tmp_path / 'rebuilt.db'}")
    assert siege.ask_command("rebuild")["losses"] == []
    async with siege.at_rest():
        await siege.look_at_tags()


@pytest.mark.tool("postgres")
async def test_nothing_acknowledged_is_lost_and_nothing_partial_is_seen_on_postgresql(
    tmp_path: Path, postgresql_url: str
) -> None:
    await _besiege(Siege(tmp_path / "data", postgresql_url, _SEED), {Victim.WORKER: 30, Victim.SERVER: 5})


async def _besiege(siege: Siege, victims: Mapping[Victim, int]) -> Counter[str]:
    """Go through the rounds, and then through everything; how often each kind of request was interrupted."""
    order = [victim for victim, count in victims.items() for _ in range(count)]
    Random(siege.seed).shuffle(order)
    done: list[Victim] = []
    try:
        async with siege.under_load() as web:
            for victim in order:
                done.append(victim)
                await siege.round(web, victim)
            await siege.look_at_everything()
        _reconcile(siege)
        async with siege.at_rest():
            await siege.look_at_everything()
    except BaseException as error:
        error.add_note(f"SEED={siege.seed}, round {len(done)} of {len(order)}; the last victims: {done[-3:]}")
        error.add_note("the registry said last: " + " ".join(siege.registry.said[-5:]))
        raise
    for title, counts in (
        ("compared", siege.compared),
        ("killed in", siege.calls),
        ("interrupted", web.interrupted),
        ("answered", web.answered),
        ("said", Counter(entry["event"] for entry in siege.said)),
    ):
        sys.stdout.write(f"{title}: {dict(counts.most_common())}\n")
    _require_peaceful_log(siege.said)
    return web.interrupted


def _reconcile(siege: Siege) -> None:
    """Database and storage agree but for the bytes of pushes that were killed, every stored byte and entry is right.

    Asked while no server runs, which may just have removed a row whose bytes are still to go.
    """
    found = siege.ask_command("gc", "--reconcile", "--remove-strays")
    assert found["damaged"] == []
    again = siege.ask_command("gc", "--reconcile")
    assert again["damaged"] == again["strays"] == []
    assert siege.ask_command("verify")["faulty"] == []
    assert siege.ask_command("audit", "verify")["faults"] == []


def _require_peaceful_log(said: list[dict[str, Any]]) -> None:
    """The registry said nothing but that workers died, and that it collected garbage all the same."""
    assert [entry for entry in said if entry["event"] not in _HARMLESS] == []
    assert sum(entry.get("blobs", 0) for entry in said if entry["event"] == "garbage collected") > 0
