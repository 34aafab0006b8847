"""Accounts and tokens, in the form that the web API takes and answers.

No password and no token is ever shown again: what holds one is answered once, to whoever made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.scope import Action, Scope
from registry.auth.subject import Subject, SubjectKind
from registry.http.web_api import cursors
from registry.http.web_api.queries import NameQuery
from registry.http.web_api.representations import Time
from registry.metadata import account_rows
from registry.metadata.account_rows import AccountKind, Credential, NamespaceKind
from registry.services.own_account import OwnAccount

_Password = Annotated[
    str,
    Meta(
        min_length=limits.PASSWORD_CHARACTERS_MIN,
        description=f"At most {limits.PASSWORD_BYTES} bytes in UTF-8, without control characters; not the name.",
    ),
]


class AccountQuery(NameQuery, frozen=True, kw_only=True):
    """A page of the list of accounts."""

    q: Annotated[
        str,
        Meta(
            max_length=limits.ACCOUNT_NAME_CHARACTERS,
            # Python's `$` also stands before a newline at the end.
            pattern="^[ -~]*(?!\\n)$",
            description="Text that the name contains, in capital letters or not.",
        ),
    ] = ""


class Account(Struct, frozen=True):
    """A person's account, or a robot's. `source` is where its password is known: `local` is here."""

    name: str
    kind: AccountKind
    source: str
    is_admin: bool
    is_disabled: bool
    created_at: Time
    created_by: str
    expires_at: Time | None
    last_login_at: Annotated[Time | None, Meta(description="With a password.")]


class AccountPage(Struct, frozen=True):
    """Some of the accounts that were asked for, in the byte order of their names; `next_cursor` leads to the next."""

    accounts: list[Account]
    next_cursor: str | None


class AccountCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's account to be made. Without a password, one is made up and told in the answer."""

    name: Annotated[str, Meta(description="The name, and the namespace that is theirs.", examples=["alice"])]
    password: _Password | None = None
    is_admin: bool = False


class CreatedAccount(Account, frozen=True):
    """An account that was made just now, and its password if that was made up: it is told this once."""

    password: str | None


class AccountChange(Struct, frozen=True, forbid_unknown_fields=True):
    """How an account shall stand; null leaves it as it is."""

    is_admin: bool | None = None
    is_disabled: bool | None = None


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A new password."""

    password: _Password


class Token(Struct, frozen=True):
    """A token, with which programs log in: what it may be used for, on which repositories, and when it was used."""

    id: int
    name: str
    kind: str
    actions: list[Action]
    repositories: list[str]
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None
    last_used_from: str | None


class TokenList(Struct, frozen=True):
    """All tokens of an account, newest first, revoked and expired ones too, as long as there is room for them."""

    account: str
    tokens: list[Token]


class TokenCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made; it never reaches further than its account does."""

    name: Annotated[
        str, Meta(min_length=1, max_length=limits.CREDENTIAL_NAME_CHARACTERS, description="To know it again by.")
    ]
    actions: (
        Annotated[list[Action], Meta(min_length=1, description="What it may be used for; null is everything.")] | None
    ) = None
    repositories: (
        Annotated[
            list[str],
            Meta(
                min_length=1,
                max_length=limits.CREDENTIAL_PATTERNS,
                description="On which: names, and patterns in which `*` stands for any text; null is everywhere.",
                examples=[["team/*"]],
            ),
        ]
        | None
    ) = None
    expires_at: (
        Annotated[
            datetime,
            Meta(tz=True, description=f"At most {limits.CREDENTIAL_DAYS} days from now; null is never."),
        ]
        | None
    ) = None


class CreatedToken(Token, frozen=True):
    """A token that was made just now, with the secret itself, `token`: it is told this once."""

    token: str


class UsedCredential(Struct, frozen=True):
    """What a client brought to prove itself, and of a token which it is and what it may be used for.

    A `bearer` token of the registry's token server tells its own reach; `id` is of the token that it was made for.
    """

    kind: str
    id: int | None
    name: str | None
    actions: list[Action] | None
    repositories: list[str] | None
    expires_at: Time | None


class Membership(Struct, frozen=True):
    """A namespace that an account belongs to: its own, or an organisation's."""

    name: str
    kind: NamespaceKind
    is_owner: bool


class Identity(Struct, frozen=True):
    """Whoever is asking. `namespaces` is null for those who have no account, and for a token that is not for all."""

    kind: SubjectKind
    name: str | None
    is_admin: bool
    credential: UsedCredential | None
    namespaces: list[Membership] | None


def account(found: account_rows.Account) -> Account:
    """One account."""
    return Account(**_account_fields(found))


def account_page(found: Sequence[account_rows.Account], query: AccountQuery) -> AccountPage:
    """A page of accounts, of which one more was read than was asked for."""
    shown = found[: query.limit]
    cursor = cursors.write_name(shown[-1].name) if len(found) > query.limit else None
    return AccountPage([account(each) for each in shown], cursor)


def created_account(made: account_rows.Account, password: str | None) -> CreatedAccount:
    """An account that was made, with its `password` if it was made up."""
    return CreatedAccount(**_account_fields(made), password=password)


def token_list(name: AccountName, found: Sequence[Credential]) -> TokenList:
    """The tokens of one account."""
    return TokenList(str(name), [Token(**_token_fields(each)) for each in found])


def created_token(secret: str, made: Credential) -> CreatedToken:
    """A token that was made, with its secret."""
    return CreatedToken(**_token_fields(made), token=secret)


def identity(subject: Subject, found: OwnAccount) -> Identity:
    """Whoever is asking."""
    memberships = found.memberships
    return Identity(
        kind=subject.kind,
        name=subject.name or None,
        is_admin=found.account is not None and found.account.is_admin,
        credential=_used_credential(subject, found.credential),
        namespaces=None
        if memberships is None
        else [Membership(each.namespace.name, each.namespace.kind, each.is_owner) for each in memberships],
    )


def _account_fields(found: account_rows.Account) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Account.__struct_fields__}


def _token_fields(found: Credential) -> dict[str, Any]:
    scope = Scope.read(found.scope)
    return {
        "id": found.id,
        "name": found.name,
        "kind": found.kind,
        "actions": sorted(scope.actions),
        "repositories": [str(pattern) for pattern in scope.patterns],
        "created_at": found.created_at,
        "created_by": found.created_by,
        "expires_at": found.expires_at,
        "revoked_at": found.revoked_at,
        "last_used_at": found.last_used_at,
        "last_used_from": found.last_used_from,
    }


def _used_credential(subject: Subject, found: Credential | None) -> UsedCredential | None:
    proof = subject.proof
    if proof is None:
        return None
    scope = subject.scope if proof.granted is None else None
    return UsedCredential(
        kind=proof.kind,
        id=found.id if found is not None else None,
        name=found.name if found is not None else None,
        actions=sorted(scope.actions) if scope is not None else None,
        repositories=[str(pattern) for pattern in scope.patterns] if scope is not None else None,
        expires_at=found.expires_at if found is not None else None,
    )
