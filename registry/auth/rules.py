"""What everybody may do once accounts are in force: by credentials, roles, and whether a repository is public."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime
from typing import Final

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern, buckets
from registry.auth.permission import OF_REPOSITORIES, Permission
from registry.auth.roles import NEEDS, Role
from registry.auth.scope import EVERYTHING as UNNARROWED
from registry.auth.secret_text import SecretKind
from registry.auth.subject import EXTERNAL, Proof, Subject, SubjectKind
from registry.auth.token_scope import covers
from registry.errors import NamespaceUnknown
from registry.metadata.account_rows import Standing
from registry.metadata.database import Database
from registry.metadata.recollection import UNKNOWN
from registry.metadata.visible import EVERYTHING, NOTHING, Visible

_BESIDE_THE_DATA: Final = frozenset({SubjectKind.OPERATOR, SubjectKind.SYSTEM})
_OF_EVERY_ACCOUNT: Final = frozenset({Permission.ENTER, Permission.SELF})
# A robot's token lies where programs run: whoever finds it changes neither who may do what, nor any account.
_OF_NO_ROBOT: Final = frozenset({Permission.OWN, Permission.SELF, Permission.OBSERVE, Permission.ADMINISTER})
# Made to be used without the password, they outlive it, and so does what they proved.
_OUTLIVING_PASSWORDS: Final = frozenset({SecretKind.PERSONAL, SecretKind.ROBOT})
_PUBLIC: Final = "public"


class RulesPolicy:
    """The rules of accounts: each question is answered by what the database says at that moment.

    Whoever brings a token of a token server that is not ours (`EXTERNAL`) has no account, and may be anonymous: they
    may do exactly what their token says, for that server has decided it.
    """

    def __init__(self, database: Database, *, anonymous_pull: bool, clock: Callable[[], float] = time.time) -> None:
        """Ask `database`; `anonymous_pull` is whether public repositories are for clients without credentials too."""
        self._lookups = database.lookups
        # Until when what was asked holds, if the database does not change. A refusal is found out anew each time.
        self._held = database.lookups.conclusions()
        self._anonymous_pull = anonymous_pull
        self._clock = clock

    async def allows(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        """Whether `subject` holds `permission`; of a repository's none is held on the registry but by administrators.

        `CATALOG` with a repository asks whether its name may be shown.

        Raises:
            NamespaceUnknown: an account would push, and nobody made the namespace.
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        if permission is Permission.PUBLIC or subject.kind in _BESIDE_THE_DATA:
            return True
        if subject.account_id is None or subject.scope is not UNNARROWED:
            return await self._may(subject, permission, repository)
        question = (subject.kind, subject.account_id, subject.proof, permission, repository)
        return self._holds(question) or await self._keep(question, subject, self._may(subject, permission, repository))

    async def _may(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        if not _reaches(subject, permission, repository):
            return False
        if subject.proof is not None and subject.proof.kind == EXTERNAL:
            return subject.proof.granted is not None
        if subject.kind is SubjectKind.ANONYMOUS:
            return await self._anonymous_may(subject, permission, repository)
        if subject.account_id is None:
            return False
        return await self._account_may(subject, subject.account_id, permission, repository)

    async def visible(self, subject: Subject) -> Visible:
        """Which repositories may be shown to `subject`: just those for whose names `allows` says so of `CATALOG`.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        if subject.kind in _BESIDE_THE_DATA:
            return EVERYTHING
        if not _reaches(subject, Permission.CATALOG, None):
            return NOTHING
        within = tuple(map(str, subject.scope.patterns))
        if subject.proof is not None and subject.proof.kind == EXTERNAL:
            return Visible(everything=subject.proof.granted is not None, within=within)
        if subject.kind is SubjectKind.ANONYMOUS:
            return Visible(public=self._anonymous_pull, within=within)
        if subject.account_id is None:
            return NOTHING
        standing = await self._standing(subject, subject.account_id)
        if standing is None:
            return NOTHING
        return Visible(everything=standing.is_admin, public=True, account_id=subject.account_id, within=within)

    async def owns(self, subject: Subject, namespace: str) -> bool:
        """Whether `subject` is an owner of `namespace` or an administrator, and their credential is for all they may.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        if subject.kind in _BESIDE_THE_DATA:
            return True
        if subject.account_id is None or subject.kind is SubjectKind.ROBOT:
            return False
        if not _reaches(subject, Permission.SELF, None):
            return False
        standing = await self._standing(subject, subject.account_id)
        if standing is None:
            return False
        return standing.is_admin or await self._lookups.owns_namespace(subject.account_id, namespace)

    async def makes_namespaces(self, subject: Subject) -> bool:
        """Whether a push of `subject` makes its namespace: an administrator's, and one that a foreign token allows.

        Raises:
            DatabaseUnavailable, DatabaseBusy: it could not be found out.
        """
        if subject.kind in _BESIDE_THE_DATA:
            return True
        if subject.proof is not None and subject.proof.kind == EXTERNAL:
            return subject.proof.granted is not None
        if subject.account_id is None:
            return False
        standing = await self._standing(subject, subject.account_id)
        return standing is not None and standing.is_admin

    async def lives_until(self, subject: Subject) -> float | None:
        """Until when what proved `subject` does so, if nobody changes anything; None where it does not any more.

        Their account, its generation and the credential have to be in force. For ever, for those without an account.
        """
        if subject.account_id is None:
            return math.inf
        standing = await self._standing(subject, subject.account_id)
        return None if standing is None else _end(standing)

    def _holds(self, question: Hashable) -> bool:
        """Whether the answer to `question` was yes, and nothing has changed since."""
        until: float = self._held.recall(question)
        return until is not UNKNOWN and self._clock() < until

    async def _keep(self, question: Hashable, subject: Subject, answer: Awaitable[bool]) -> bool:
        """The answer to `question`, remembered if it is yes, for as long as what proved `subject` lasts."""
        state = self._held.state
        if not await answer:
            return False
        if state is None:
            # Nothing is remembered: PostgreSQL would be asked once more for nothing.
            return True
        assert subject.account_id is not None, "only accounts are asked for"
        standing = await self._standing(subject, subject.account_id)
        # Others may have recalled something in a newer state, of which this answer need not be.
        if standing is not None and self._held.state is state:
            self._held.keep(question, _end(standing))
        return True

    async def _anonymous_may(self, subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
        if permission is Permission.ENTER:
            return subject.proof is not None
        if not self._anonymous_pull or permission not in {Permission.CATALOG, Permission.PULL}:
            return False
        if repository is None:
            return permission is Permission.CATALOG
        found = await self._lookups.repository_standing(repository, None)
        return found is not None and found.visibility == _PUBLIC

    async def _account_may(
        self, subject: Subject, account_id: int, permission: Permission, repository: RepositoryName | None
    ) -> bool:
        if subject.kind is SubjectKind.ROBOT and permission in _OF_NO_ROBOT:
            return False
        standing = await self._standing(subject, account_id)
        if standing is None:
            return False
        if standing.is_admin or permission in _OF_EVERY_ACCOUNT:
            return True
        if repository is None:
            return permission is Permission.CATALOG
        asked = Permission.PULL if permission is Permission.CATALOG else permission
        return asked in OF_REPOSITORIES and await self._has_role(account_id, asked, repository)

    async def _has_role(self, account_id: int, permission: Permission, repository: RepositoryName) -> bool:
        needed = NEEDS[permission]
        found = await self._lookups.repository_standing(repository, account_id)
        if found is None and permission is Permission.PUSH:
            raise NamespaceUnknown(repository.namespace)
        if found is not None and (found.is_owner or (needed is Role.READER and found.visibility == _PUBLIC)):
            return True
        granted = await self._lookups.granted_roles(account_id, buckets(repository))
        return any(
            Role(role).rank >= needed.rank and RepositoryPattern(pattern).fits(repository) for pattern, role in granted
        )

    async def _standing(self, subject: Subject, account_id: int) -> Standing | None:
        """How the account stands; None where the proof proves nothing any more."""
        proof = subject.proof
        if proof is None:
            return None
        standing = await self._lookups.standing(account_id, proof.credential_id)
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return standing if standing is not None and _is_in_force(proof, standing, moment) else None


def _reaches(subject: Subject, permission: Permission, repository: RepositoryName | None) -> bool:
    """Whether the credential may be used for it, whoever's it is."""
    if not subject.scope.covers(permission, repository):
        return False
    granted = subject.proof.granted if subject.proof is not None else None
    if granted is None or permission is Permission.ENTER:
        return True
    # A token for the catalog shows all names in it that its account may see.
    return covers(granted, permission, None if permission is Permission.CATALOG else repository)


def _end(standing: Standing) -> float:
    return math.inf if standing.ends_at is None else standing.ends_at.timestamp()


def _is_in_force(proof: Proof, standing: Standing, moment: datetime) -> bool:
    if not standing.account_is_live(moment):
        return False
    if proof.credential_id is not None and not standing.credential_is_live(moment):
        return False
    return standing.credential_kind in _OUTLIVING_PASSWORDS or proof.generation == standing.generation
