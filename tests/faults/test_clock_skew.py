"""Two nodes whose clocks differ: pushes, tokens and what is put down in order of time."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from oci_spec.media_types import OCI_INDEX
from tests.balancer import Node, balancer
from tests.e2e.server import REGISTRY
from tests.faults.persistence import Persistent
from tests.faults.siege import hurried
from tests.postgresql import running_cluster
from tests.s3 import S3Server

pytestmark = [
    pytest.mark.tool("faketime"),
    pytest.mark.tool("haproxy"),
    pytest.mark.tool("postgres"),
    pytest.mark.tool("versitygw"),
    pytest.mark.timeout(600),
]

# Each way.
ROUNDS = 25
# Half of a lease is certain from a positive answer, less the skew: of the real lease, an hour, that is 15 minutes here.
MOST_SKEW_S, LEASE_S = 45, 180
REPOSITORY, TAG = "team/moved", "latest"
PASSWORD = "correct-horse-battery"
BASIC = {"Authorization": f"Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}"}

_SEED = int(os.environ.get("SEED") or (1 if os.environ.get("CI") == "true" else secrets.randbelow(10**6)))


@pytest.mark.parametrize("ahead_s", [MOST_SKEW_S, -MOST_SKEW_S], ids=["ahead", "behind"])
async def test_nodes_whose_clocks_differ_serve_one_registry(ahead_s: int, versitygw: S3Server, tmp_path: Path) -> None:
    chance, moves = Random(_SEED), []
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster())
        settings = (
            f"database.url={cluster.url(cluster.create())}",
            *versitygw.flags(),
            "auth.mode=token",
            f"auth.admin_password={PASSWORD}",
            "gc.interval_s=1",
            "gc.grace_s=0",
            "server.workers=1",
            "log.access=off",
        )
        first = hurried(LEASE_S)
        right = Node(tmp_path / "right", *settings, first=first)
        stack.callback(right.kill)
        wrong = Node(tmp_path / "wrong", *settings, first=first, within=with_a_clock(ahead_s))
        stack.callback(remove_what_is_left_of, wrong.registry.process.pid)
        stack.callback(wrong.kill)
        address = stack.enter_context(balancer(tmp_path / "balancer.log", right, wrong))
        clients = Persistent(address, _SEED, BASIC)

        async with clients.at_work():
            for number in range(ROUNDS):
                await clients.pushed(2)
                moves.append(await asyncio.to_thread(move_the_tag, chance.choice((right, wrong)), number))
                one, other = (right, wrong) if number % 2 else (wrong, right)
                await asyncio.to_thread(use_a_token_elsewhere, one, other)

        await clients.verify(right.address, wrong.address)
        assert round(time_of(wrong) - time_of(right)) == pytest.approx(ahead_s, abs=5)
        history = history_told_by(right)
        audit = verified_audit(tmp_path, settings)

    assert clients.failed.total() == 0
    # Nothing seems to have ended before it began, or to have begun before what it followed had ended.
    assert [step["digest"] for step in history] == moves
    assert all(step["valid_until"] == following["valid_from"] for step, following in pairwise(history))
    assert all(step["valid_from"] <= following["valid_from"] for step, following in pairwise(history))
    assert audit["faults"] == []


def with_a_clock(ahead_s: int) -> Sequence[str | Path]:
    """What starts a node whose clock goes ahead by so much, or behind.

    It is all that the command `faketime` does, without a process that stays between.
    """
    [library] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return ("/usr/bin/env", f"LD_PRELOAD={library}", f"FAKETIME={ahead_s:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC=1")


def remove_what_is_left_of(pid: int) -> None:
    """Remove what libfaketime shares between a process and its children: who is killed leaves it behind."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (Path("/dev/shm") / name).unlink(missing_ok=True)


def use_a_token_elsewhere(one: Node, other: Node) -> None:
    """What one node has just signed, the other one believes."""
    bearer = {"Authorization": f"Bearer {_made_by(one)['token']}"}

    assert other.registry.ask("GET", f"/v2/{REPOSITORY}/tags/list", headers=bearer).status == 200


def move_the_tag(node: Node, number: int) -> str:
    """Let one tag name one manifest after the other, each by way of one of the nodes; the manifest's digest."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [], "annotations": {"n": str(number)}}
    answer = node.registry.ask(
        "PUT",
        f"/v2/{REPOSITORY}/manifests/{TAG}",
        json.dumps(document).encode(),
        headers={**BASIC, "Content-Type": OCI_INDEX},
    )
    assert answer.status == 201, answer.body
    return answer.headers["Docker-Content-Digest"]


def history_told_by(node: Node) -> list[dict[str, Any]]:
    """What the tag has named, oldest first."""
    path = f"/api/v1/repositories/{REPOSITORY}/tags/{TAG}/history?limit=1000"
    told: list[dict[str, Any]] = json.loads(node.registry.ask("GET", path, headers=BASIC).body)["history"]
    return told[::-1]


def verified_audit(directory: Path, settings: Sequence[str]) -> dict[str, Any]:
    """What `registry audit verify` finds."""
    flags = [part for setting in settings for part in ("--set", setting)]
    command: list[str | Path] = [REGISTRY, "audit", "verify", "--json", "--data", directory / "right", *flags]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def time_of(node: Node) -> float:
    """The time of a node's clock."""
    return datetime.fromisoformat(_made_by(node)["issued_at"]).timestamp()


def _made_by(node: Node) -> dict[str, Any]:
    """What a node says of a new token."""
    path = f"/token?service=moorage&scope=repository:{REPOSITORY}:pull"
    made: dict[str, Any] = json.loads(node.registry.ask("GET", path, headers=BASIC).body)
    return made
