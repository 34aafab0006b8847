"""The policy in force while authentication is off, and how it is asked."""

from __future__ import annotations

import pytest

from oci_spec.reference import RepositoryName
from registry.auth.access import Access, grant
from registry.auth.permission import Permission
from registry.auth.policy import OpenPolicy, require, require_own, require_owner
from registry.auth.rules import RulesPolicy
from registry.auth.subject import ANONYMOUS, OPERATOR, Subject, SubjectKind, system
from registry.errors import Denied
from registry.metadata.account_rows import AccountKind
from registry.metadata.database import Database
from tests.registry.assembly import ON_SQLITE, Rules
from tests.registry.auth.test_rules import as_account
from tests.registry.metadata.people import an_account

NAME = RepositoryName.parse("team/app")


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("subject", [ANONYMOUS, OPERATOR, system("upload-expiry")])
async def test_with_authentication_off_every_subject_that_exists_may_do_everything(
    subject: Subject, permission: Permission
) -> None:
    for repository in (NAME, None):
        assert await OpenPolicy().allows(subject, permission, repository)
    assert await OpenPolicy().owns(subject, "team")


async def test_a_kind_of_subject_that_the_open_policy_does_not_know_may_do_nothing() -> None:
    stranger = Subject(SubjectKind.USER, "alice")

    assert not any([await OpenPolicy().allows(stranger, permission, NAME) for permission in Permission])
    assert not await OpenPolicy().owns(stranger, "team")


async def test_what_is_not_allowed_is_denied_and_gives_no_access() -> None:
    policy = Rules((Permission.PULL, "team/app"))

    await require(policy, ANONYMOUS, Permission.PULL, NAME)
    for permission, repository in ((Permission.PUSH, NAME), (Permission.PULL, RepositoryName.parse("team/other"))):
        with pytest.raises(Denied):
            await require(policy, ANONYMOUS, permission, repository)
        with pytest.raises(Denied):
            await grant(policy, ANONYMOUS, permission, repository)
    with pytest.raises(Denied):
        await require(policy, ANONYMOUS, Permission.CATALOG, None)


@ON_SQLITE
async def test_people_have_their_own_account_and_administrators_all(database: Database) -> None:
    policy = RulesPolicy(database, anonymous_pull=True)
    alice, root = await database.write(lambda tx: (an_account(tx), an_account(tx, "root", is_admin=True)))
    robot = await database.write(lambda tx: an_account(tx, "alice+ci", kind=AccountKind.ROBOT))

    for subject, name in ((as_account(alice), "alice"), (as_account(root), "alice"), (OPERATOR, "alice")):
        await require_own(policy, subject, name)
        await require_owner(policy, OPERATOR, name)
    others = [(as_account(alice), "root"), (as_account(robot), "alice+ci"), (as_account(robot), "alice")]
    others += [(ANONYMOUS, ""), (Subject(SubjectKind.USER, "alice"), "alice")]
    for subject, name in others:
        with pytest.raises(Denied):
            await require_own(policy, subject, name)
        with pytest.raises(Denied):
            await require_owner(policy, subject, "team")


async def test_a_granted_access_says_who_acts_where() -> None:
    access = await grant(OpenPolicy(), ANONYMOUS, Permission.PUSH, NAME)

    assert access == Access(ANONYMOUS, NAME, may_make_namespace=True)
    assert access.actor == "anonymous"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (ANONYMOUS, "anonymous"),
        (OPERATOR, "operator"),
        (system("upload-expiry"), "system:upload-expiry"),
        (Subject(SubjectKind.OPERATOR, "alice"), "operator:alice"),
    ],
)
def test_a_subject_is_recorded_by_its_kind_and_name(subject: Subject, text: str) -> None:
    assert str(subject) == text


def test_subjects_of_one_name_and_different_kinds_are_recorded_apart() -> None:
    names = [str(Subject(kind, "alice")) for kind in SubjectKind]

    assert len(set(names)) == len(names)
