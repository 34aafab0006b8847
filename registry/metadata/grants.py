"""Grants: the roles of accounts and teams on the repositories that patterns fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, tuple_

from oci_spec.reference import DEFAULT_NAMESPACE
from registry.metadata.account_rows import Grant, NamedGrant
from registry.metadata.column_types import ByteOrdered
from registry.metadata.schema import account, namespace, role_grant, team
from registry.metadata.statements import Runner, insert

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Executable

    from registry.metadata.account_rows import NewGrant
    from registry.metadata.statements import Insertion


def _set(grantee: str) -> Insertion:
    return insert(
        role_grant,
        lambda new: new.on_conflict_do_update(
            index_elements=[grantee, "bucket", "pattern"],
            set_={name: new.excluded[name] for name in ("role", "created_at", "created_by")},
        ).returning(*role_grant.c),
    )


_SET_OF_ACCOUNT = _set("account_id")
_SET_OF_TEAM = _set("team_id")
_REMOVE = delete(role_grant).where(role_grant.c.id == bindparam("this_id"))
_LIST = select(*role_grant.c).order_by(role_grant.c.bucket, role_grant.c.pattern, role_grant.c.id)
_FIND = select(*role_grant.c).where(role_grant.c.id == bindparam("this_id"))
_IS_ACCOUNTS = role_grant.c.account_id == bindparam("this_account")
_IS_TEAMS = role_grant.c.team_id == bindparam("this_team")
_OF_ACCOUNT = _LIST.where(_IS_ACCOUNTS)
_PAGE = _LIST.where(
    tuple_(role_grant.c.bucket, role_grant.c.pattern)
    > tuple_(bindparam("after_bucket", type_=ByteOrdered), bindparam("after_pattern", type_=ByteOrdered))
).limit(bindparam("limit"))
_PAGE_OF_ACCOUNT = _PAGE.where(_IS_ACCOUNTS)
_PAGE_OF_TEAM = _PAGE.where(_IS_TEAMS)
_IS_PATTERN = (role_grant.c.bucket == bindparam("this_bucket"), role_grant.c.pattern == bindparam("this_pattern"))
_BY_PATTERN_OF_ACCOUNT = select(*role_grant.c).where(_IS_ACCOUNTS, *_IS_PATTERN)
_BY_PATTERN_OF_TEAM = select(*role_grant.c).where(_IS_TEAMS, *_IS_PATTERN)
_IN_BUCKETS = (
    select(*role_grant.c, account.c.name, namespace.c.name, team.c.name)
    .select_from(role_grant)
    .outerjoin(account, account.c.id == role_grant.c.account_id)
    .outerjoin(team, team.c.id == role_grant.c.team_id)
    .outerjoin(namespace, namespace.c.id == team.c.namespace_id)
    .where(role_grant.c.bucket.in_(bindparam("these_buckets", expanding=True)))
    .order_by(role_grant.c.bucket, role_grant.c.pattern, role_grant.c.id)
)
_IN_NAMESPACE = _LIST.where(role_grant.c.bucket >= bindparam("first"), role_grant.c.bucket < bindparam("end"))
# Only whole names have a bucket without a slash; that of `*` is empty.
_OF_ONE_COMPONENT = _LIST.where(role_grant.c.bucket > "", ~role_grant.c.bucket.contains("/"))


class Grants:
    """The grants of the registry; an account or a team has at most one for each pattern."""

    __slots__ = ("_runner",)

    def __init__(self, runner: Runner) -> None:
        """Work in the transaction of `runner`."""
        self._runner = runner

    def set(self, new: NewGrant) -> Grant:
        """Give the grant that stands from now on, in the place of one to the same grantee for the same pattern."""
        [row] = self._runner.rows(
            _SET_OF_TEAM if new.account_id is None else _SET_OF_ACCOUNT,
            {
                "account_id": new.account_id,
                "team_id": new.team_id,
                "pattern": new.pattern,
                "bucket": new.bucket,
                "role": new.role,
                "created_at": new.created_at,
                "created_by": new.created_by,
            },
        )
        return Grant(*row)

    def find(self, grant_id: int) -> Grant | None:
        """Give the grant with this id, or None."""
        return self._grant(_FIND, {"this_id": grant_id})

    def remove(self, grant_id: int) -> bool:
        """Take a grant back; False if there was none."""
        return self._runner.change(_REMOVE, {"this_id": grant_id}) > 0

    def of_account(self, account_id: int) -> list[Grant]:
        """Give all that was granted to the account itself, by bucket and pattern."""
        return self._grants(_OF_ACCOUNT, {"this_account": account_id})

    def page_of_account(self, account_id: int, after: tuple[str, str], limit: int) -> list[Grant]:
        """Give up to `limit` grants to the account itself, by bucket and pattern, that come after these two."""
        return self._grants(_PAGE_OF_ACCOUNT, {"this_account": account_id, **_after(after, limit)})

    def page_of_team(self, team_id: int, after: tuple[str, str], limit: int) -> list[Grant]:
        """Give up to `limit` grants to the team, by bucket and pattern, that come after these two."""
        return self._grants(_PAGE_OF_TEAM, {"this_team": team_id, **_after(after, limit)})

    def by_pattern_of_account(self, account_id: int, bucket: str, pattern: str) -> Grant | None:
        """Give what was granted to the account itself by this very pattern, or None."""
        return self._grant(_BY_PATTERN_OF_ACCOUNT, {"this_account": account_id, **_pattern(bucket, pattern)})

    def by_pattern_of_team(self, team_id: int, bucket: str, pattern: str) -> Grant | None:
        """Give what was granted to the team by this very pattern, or None."""
        return self._grant(_BY_PATTERN_OF_TEAM, {"this_team": team_id, **_pattern(bucket, pattern)})

    def in_buckets(self, buckets: tuple[str, ...]) -> list[NamedGrant]:
        """Give all grants in these buckets, with whose they are: of a repository's, those that may fit it."""
        rows = self._runner.rows(_IN_BUCKETS, {"these_buckets": buckets})
        return [NamedGrant(Grant(*row[:-3]), *row[-3:]) for row in rows]

    def in_namespace(self, namespace: str) -> list[Grant]:
        """Give all grants whose patterns are within the namespace."""
        # All that begins with the name and a slash; `0` is what follows the slash.
        found = self._grants(_IN_NAMESPACE, {"first": f"{namespace}/", "end": f"{namespace}0"})
        return found + self._grants(_OF_ONE_COMPONENT, {}) if namespace == DEFAULT_NAMESPACE else found

    def _grant(self, statement: Executable, values: dict[str, Any]) -> Grant | None:
        row = self._runner.row(statement, values)
        return None if row is None else Grant(*row)

    def _grants(self, statement: Executable, values: dict[str, Any]) -> list[Grant]:
        return [Grant(*row) for row in self._runner.rows(statement, values)]


def _after(after: tuple[str, str], limit: int) -> dict[str, Any]:
    return {"after_bucket": after[0], "after_pattern": after[1], "limit": limit}


def _pattern(bucket: str, pattern: str) -> dict[str, Any]:
    return {"this_bucket": bucket, "this_pattern": pattern}
