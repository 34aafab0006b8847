"""Two nodes are replaced by newer ones, one after the other, while clients push through both."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from registry.metadata import migrate
from registry.metadata.revision import HEAD, successor
from tests.faults.balancing import Balancer, balancing
from tests.faults.pushing import Repository
from tests.postgresql import PostgresCluster
from tests.registry.app.processes import SOURCES, Registry, running, starting
from tests.registry.metadata.raw_sql import execute

pytestmark = pytest.mark.tool("postgres")

_CLIENTS = 3
_ROOMS = ("oci_spec", "storage_backends", "registry_client", "registry", "migrations")
_NEXT = successor(HEAD)
# What a release may bring: a column that older programs leave to its default, one that may be empty, a table, an index.
_REVISION = f'''
import sqlalchemy as sa
from alembic import op

revision = "{_NEXT}"
down_revision = "{HEAD}"


def upgrade() -> None:
    op.add_column("tag", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("manifest", sa.Column("signed_at", sa.BigInteger()))
    op.add_column("blob", sa.Column("tier", sa.Text(), nullable=False, server_default="hot"))
    op.create_table("notice", sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True))
    op.create_index("ix_manifest_pushed", "manifest", ["pushed_at"])
'''


@pytest.fixture(scope="module")
def newer_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as it may be after its next revision: the same, and what belongs to that."""
    directory = tmp_path_factory.mktemp("newer")
    for room in _ROOMS:
        shutil.copytree(SOURCES / room, directory / room, ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "migrations/versions" / f"{_NEXT}_next.py").write_text(_REVISION)
    file = directory / "registry/metadata/revision.py"
    text = file.read_text()
    assert f'HEAD = "{HEAD}"' in text
    file.write_text(text.replace(f'HEAD = "{HEAD}"', f'HEAD = "{_NEXT}"'))
    return directory


@pytest.mark.timeout(300)
def test_no_client_sees_an_upgrade_of_one_node_after_the_other(
    postgresql_cluster: PostgresCluster, newer_program: Path, tmp_path: Path
) -> None:
    url = postgresql_cluster.url(postgresql_cluster.create())
    settings = (
        f"database.url={url}",
        f"storage.filesystem.root={tmp_path / 'storage'}",
        "server.workers=1",
        # Longer than the balancer takes to look, whatever else the machine does.
        "server.drain_delay_s=5",
    )

    def node(name: str, sources: Path) -> Registry:
        return nodes.enter_context(running(tmp_path / name, *settings, sources=sources))

    with ExitStack() as nodes, balancing() as balancer:
        first, second = node("first", SOURCES), node("second", SOURCES)
        balancer.add(first)
        balancer.add(second)
        with pushing(balancer) as pushed:
            replaced = ((first, "first"), (second, "second"))
            for old, name in replaced:
                stop(balancer, old)
                balancer.add(node(f"{name}-newer", newer_program))
                assert migrate.current(url) == _NEXT
                # Both versions, or the newer one alone, go on for a while.
                pushed.await_more(3 * _CLIENTS)

        repository = Repository(balancer)
        for tag, layer in pushed.images:
            repository.assert_pullable(layer, tag)
        # And one of the older program that is started again, since its machine was, still serves.
        again = node("again", SOURCES)
        Repository(again).push_image(os.urandom(1000), "again")
        assert again.ask("GET", "/readyz").status == 200


async def test_a_node_two_revisions_behind_refuses_and_says_which(
    postgresql_cluster: PostgresCluster, tmp_path: Path
) -> None:
    url = postgresql_cluster.url(postgresql_cluster.create())
    settings = (f"database.url={url}", "server.workers=1")
    with running(tmp_path / "first", *settings) as first:
        too_new = successor(_NEXT)
        await execute(url, f"UPDATE alembic_version SET version_num = '{too_new}'")

        # One that runs already tells the balancer.
        assert first.ask("GET", "/readyz").status == 503
        with starting(tmp_path / "second", *settings) as second:
            assert second.ended() == 1
        (refusal,) = [line for line in second.said if line.startswith("registry:")]
        assert f"revision {too_new}" in refusal
        assert f"needs {HEAD}" in refusal


def stop(balancer: Balancer, node: Registry) -> None:
    """Tell a node to end, as an orchestrator does, and wait for that."""
    node.signal(signal.SIGTERM)
    assert node.ended() == 0
    balancer.remove(node)


@dataclass
class Pushed:
    """The tag and the layer of each image that was acknowledged."""

    images: list[tuple[str, bytes]] = field(default_factory=list)
    clients: list[Future[None]] = field(default_factory=list)

    def await_more(self, count: int) -> None:
        """Return when as many more are there; raises what a client met."""
        wanted = len(self.images) + count
        while len(self.images) < wanted:
            for failed in wait(self.clients, 0.01, FIRST_COMPLETED).done:
                failed.result()


@contextmanager
def pushing(balancer: Balancer) -> Iterator[Pushed]:
    """Push images from several clients while the block runs.

    A request that is answered with an error, or not at all, fails the block at its end.
    """
    pushed, ended = Pushed(), threading.Event()

    def push(client: int) -> None:
        repository, number = Repository(balancer), 0
        while not ended.is_set():
            layer, tag = os.urandom(5000), f"{client}-{number}"
            repository.push_image(layer, tag)
            pushed.images.append((tag, layer))
            number += 1

    with ThreadPoolExecutor(_CLIENTS) as clients:
        pushed.clients += [clients.submit(push, client) for client in range(_CLIENTS)]
        try:
            yield pushed
        finally:
            ended.set()
    for one in pushed.clients:
        one.result()
