"""Whose say an account is: a person's own, a robot's namespace's owners, and that of administrators.

No token gives a way in, whoever's it is and however far it reaches: an account, an administrator, a password, a token
or the trust in a workload is had with a password only (`registry.auth.policy.require_password`), so that nobody who has
stolen a token outlives its revocation. Looking, and taking away, may be done with a token that is for all that its
account may.
"""

from __future__ import annotations

from registry.auth.account_name import AccountName
from registry.auth.policy import require_own, require_owner
from registry.auth.subject import Subject
from registry.errors import AccountUnknown, Denied, LoginFailed
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now


async def require_keeper(services: Services, subject: Subject, name: AccountName) -> None:
    """Return when `subject` may look after the account `name`, whether there is one or not; otherwise raise.

    Raises:
        AccountUnknown: it is somebody else's; whether there is such an account is not told.
        Denied: it is theirs, but their credential does not reach this far, or it is a robot's own.
    """
    try:
        if name.is_robot:
            await require_owner(services.policy, subject, name.namespace)
        else:
            await require_own(services.policy, subject, str(name))
    except Denied:
        if subject.name == str(name):
            raise
        raise AccountUnknown(str(name)) from None


def require_standing_proof(tx: Transaction, subject: Subject) -> None:
    """Return when what proved `subject` still does in the transaction that gives a way in; otherwise raise.

    The password may have been replaced since the request began, or the account disabled, to keep its holder out. Where
    the account to be changed is the subject's own, it is to be locked before.

    Raises:
        LoginFailed: it does not.
    """
    if subject.account_id is None or subject.proof is None:
        return
    account = tx.accounts.find_by_id(subject.account_id)
    if account is None or account.generation != subject.proof.generation or not account.is_live(now()):
        raise LoginFailed
