"""Which installation the database belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from registry.metadata.node_rows import Installation
from registry.metadata.schema import installation
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from datetime import datetime

_THIS = "this"
_FIND = select(installation.c.identity, installation.c.made_at, installation.c.in_storage)
_MAKE = insert(installation, lambda new: new.on_conflict_do_nothing(index_elements=["position"]))
_REPLACE = insert(
    installation,
    lambda new: new.on_conflict_do_update(
        index_elements=["position"],
        set_={name: new.excluded[name] for name in ("identity", "made_at", "in_storage")},
    ),
)
_CONFIRM = update(installation).where(installation.c.identity == bindparam("this_identity")).values(in_storage=True)


class Installations:
    """The one installation that there is, or none before the first start."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def find(self) -> Installation | None:
        """Give the installation, None before it was made."""
        row = self._runner.row(_FIND)
        return None if row is None else Installation(*row)

    def ensure(self, identity: str, now: datetime) -> Installation:
        """Give the installation, made as `identity` if there is none; all that race get the same."""
        self._runner.change(_MAKE, {"position": _THIS, "identity": identity, "made_at": now, "in_storage": False})
        found = self.find()
        assert found is not None, "it was made, or had been"
        return found

    def replace(self, new: Installation) -> None:
        """Let the database belong to `new`, whatever it belonged to."""
        values = {"identity": new.identity, "made_at": new.made_at, "in_storage": new.in_storage}
        self._runner.change(_REPLACE, {"position": _THIS, **values})

    def confirm(self, identity: str) -> None:
        """Note that the storage has been given this identity."""
        self._runner.change(_CONFIRM, {"this_identity": identity})
