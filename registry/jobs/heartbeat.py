"""Saying now and then that this node is there, for `registry status`; each node has one process that does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from msgspec.structs import replace

from registry import limits
from registry.errors import RegistryError
from registry.metadata.node_rows import Node
from registry.metadata.transaction import Transaction
from registry.observability.logging import logger
from registry.observability.recurring import RecurringFaults
from registry.services.context import Services, now

_log = logger(__name__)


async def run(services: Services, node: Node) -> None:
    """Say every `limits.NODE_BEAT_S` seconds that `node` is there, until cancelled; then, that it is gone."""
    faults = RecurringFaults(_log)
    try:
        while True:
            try:
                moment = now()
                forgotten = moment - timedelta(seconds=limits.NODE_FORGOTTEN_S)
                await services.database.note(_see, replace(node, seen_at=moment), forgotten)
            except RegistryError as error:
                faults.warn("nobody learns that this node is there", error)
            await asyncio.sleep(limits.NODE_BEAT_S)
    finally:
        # One that dies is told from this by when it was last seen.
        with suppress(RegistryError):
            await services.database.note(_leave, node.name)


def _see(tx: Transaction, node: Node, forgotten: datetime) -> None:
    tx.nodes.see(node)
    tx.nodes.forget(forgotten)


def _leave(tx: Transaction, name: str) -> None:
    tx.nodes.leave(name)
