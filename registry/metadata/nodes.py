"""The nodes that serve the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict
from sqlalchemy import bindparam, delete, select

from registry.metadata.node_rows import Node
from registry.metadata.schema import node
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from datetime import datetime

_SEE = insert(
    node,
    lambda new: new.on_conflict_do_update(
        index_elements=["name"], set_={"seen_at": new.excluded.seen_at, "workers": new.excluded.workers}
    ),
)
_ALL = select(*node.c).order_by(node.c.host, node.c.started_at, node.c.name)
_LEAVE = delete(node).where(node.c.name == bindparam("this_name"))
_FORGET = delete(node).where(node.c.seen_at < bindparam("before", type_=node.c.seen_at.type))


class Nodes:
    """The nodes that have been seen lately."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def see(self, seen: Node) -> None:
        """Note that a node was there at its `seen_at`."""
        self._runner.change(_SEE, asdict(seen))

    def all(self) -> list[Node]:
        """Give all nodes, by host."""
        return [Node(*row) for row in self._runner.rows(_ALL)]

    def leave(self, name: str) -> None:
        """Forget a node that has ended."""
        self._runner.change(_LEAVE, {"this_name": name})

    def forget(self, before: datetime) -> None:
        """Forget nodes that were last seen earlier than `before`."""
        self._runner.change(_FORGET, {"before": before})
