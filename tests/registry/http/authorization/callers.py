"""Everybody who asks in the matrix: accounts of every role, with every kind of credentials, good and fallen ones."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import urlencode

from oci_spec.reference import RepositoryName
from registry import limits
from registry.auth import scope
from registry.auth.pattern import RepositoryPattern
from registry.auth.scope import EVERYTHING, Scope
from registry.auth.secret_text import SecretKind, generate, hash_of
from registry.auth.subject import Proof, Subject, SubjectKind
from registry.auth.token_scope import TokenScope
from registry.auth.tokens import Tokens
from registry.metadata.account_rows import Account, AccountKind, NamespaceKind, NewAccount, NewCredential
from registry.metadata.rows import Visibility
from registry.metadata.transaction import Transaction
from registry.services.context import Services, now
from tests.registry.http.authorization.rules import (
    FOREIGN,
    MISSING,
    NOBODYS,
    PRIVATE,
    PUBLIC,
    REPOSITORIES,
    Action,
    Caller,
    Role,
    Scheme,
)
from tests.registry.http.serving import Client
from tests.registry.metadata.people import a_grant

PASSWORD: Final = "correct horse battery"

_BY_GRANT: Final = {
    "reader": Role.READER,
    "writer": Role.WRITER,
    "maintainer": Role.MAINTAINER,
    "owner": Role.OWNER,
}
_ROLES: Final[dict[str, dict[str, Role]]] = {
    "stranger": {},
    **{name: dict.fromkeys((PUBLIC, PRIVATE), role) for name, role in _BY_GRANT.items()},
    # The owner of the organisation: of what is in it and of what will be.
    "boss": dict.fromkeys((PUBLIC, PRIVATE, MISSING), Role.OWNER),
    "root": dict.fromkeys(REPOSITORIES, Role.OWNER),
}
_WORDS: Final = {Action.PULL: "pull", Action.PUSH: "push", Action.DELETE: "delete", Action.MANAGE: "*"}
_WHAT_FOR: Final = {
    Action.PULL: Role.READER,
    Action.PUSH: Role.WRITER,
    Action.DELETE: Role.MAINTAINER,
    # There is no word for what maintainers do besides, but that for everything.
    Action.MANAGE: Role.OWNER,
}
_ALL: Final = frozenset((repository, action) for repository in REPOSITORIES for action in Action)
_PULL_PRIVATE: Final = frozenset({(PRIVATE, Action.PULL)})

Secrets = dict[str, dict[str, str]]
"""The secrets of credentials, by account and by what they are called here."""


async def make_world(services: Services) -> Secrets:
    """Make all accounts and repositories, and the credentials of everybody."""
    return await services.database.write(_make_world, await services.passwords.hash(PASSWORD))


async def living(client: Client, secrets: Secrets) -> list[Caller]:
    """All callers whose credentials are good, and those who have none."""
    found = await _nobody(client)
    for account in _ROLES:
        found += await _person(client, account, secrets[account])
    for account in ("stranger", *_BY_GRANT):
        found += await _robot(client, account, secrets[f"team+{account}"])
    return found


async def fallen(client: Client, services: Services, secrets: Secrets) -> list[Caller]:
    """Administrators' credentials that prove nothing any more, or never did."""
    root, lost = secrets["root"], secrets["lost"]
    everything = _asked(REPOSITORIES, Action)
    of_revoked = await _token(client, _basic("root", root["revoked"]), everything)
    of_disabled = await _token(client, _basic("lost", lost["personal"]), everything)
    headers = {
        "a revoked personal token": _basic("root", root["revoked"]),
        "a revoked personal token as bearer": f"Bearer {root['revoked']}",
        "a token for a revoked credential": f"Bearer {of_revoked}",
        "an expired personal token": _basic("root", root["expired"]),
        "a disabled account's personal token": _basic("lost", lost["personal"]),
        "a disabled account's token": f"Bearer {of_disabled}",
        "a refresh token as password": _basic("root", root["refresh"]),
        "a refresh token as bearer": f"Bearer {root['refresh']}",
        "another account's personal token": _basic("boss", root["personal"]),
        "an expired token": f"Bearer {await _expired_token(client, services)}",
        "a token that nobody made": f"Bearer {generate(SecretKind.PERSONAL)}",
        "another scheme": "Digest username=root",
    }
    await services.database.write(_let_fall)
    return [
        Caller(name=name, authorization=value, roles=_ROLES["root"], reach=_ALL, is_dead=True)
        for name, value in headers.items()
    ]


async def _nobody(client: Client) -> list[Caller]:
    without = Caller(name="nobody", roles={}, reach=_ALL, has_account=False)
    with_token = replace(without, scheme=Scheme.TOKEN, sees_catalog=False)
    anything = await _token(client, "", _asked(REPOSITORIES, Action))
    nothing = await _token(client, "", [])
    return [
        without,
        replace(
            with_token,
            name="nobody with a token for all they may",
            authorization=f"Bearer {anything}",
            reach=frozenset({(PUBLIC, Action.PULL)}),
            sees_catalog=True,
        ),
        replace(
            with_token, name="nobody with a token for nothing", authorization=f"Bearer {nothing}", reach=frozenset()
        ),
    ]


async def _person(client: Client, account: str, secrets: dict[str, str]) -> list[Caller]:
    login = _basic(account, PASSWORD)
    return [
        replace(_whole(f"{account} with their password", login, Scheme.BASIC, account), by_password=True),
        _whole(f"{account} with a personal token", _basic(account, secrets["personal"]), Scheme.BASIC, account),
        _whole(f"{account} with it as bearer", f"Bearer {secrets['personal']}", Scheme.SECRET, account),
        _narrow(f"{account} with a narrow personal token", _basic(account, secrets["narrow"]), account),
        *await _bearers(client, login, account),
        await _bearer(
            client,
            _basic(account, secrets["narrow"]),
            account,
            f"{account} with a token for all that the narrow one may",
            only=_PULL_PRIVATE,
            catalog=True,
        ),
    ]


async def _robot(client: Client, account: str, secrets: dict[str, str]) -> list[Caller]:
    """A robot that was granted what a person of this role was: it is a maintainer at most, and has no say elsewhere."""
    name = f"team+{account}"
    login = _basic(name, secrets["robot"])
    roles = {repository: min(role, Role.MAINTAINER) for repository, role in _ROLES[account].items()}
    as_robot = partial(replace, roles=roles, is_whole=False, account=name)
    return [
        as_robot(_whole(f"robot {name}", login, Scheme.BASIC, account)),
        as_robot(_whole(f"robot {name} as bearer", f"Bearer {secrets['robot']}", Scheme.SECRET, account)),
        await _bearer(
            client, login, account, f"robot {name} with a token for all", only=_ALL, catalog=True, roles=roles
        ),
    ]


async def _bearers(client: Client, login: str, account: str) -> list[Caller]:
    """The bearers of tokens of the token server: for everything, for little, and for another repository."""
    another = frozenset((PUBLIC, action) for action in Action)
    return [
        await _bearer(client, login, account, f"{account} with a token for all", only=_ALL, catalog=True),
        await _bearer(client, login, account, f"{account} with a token to pull", only=_PULL_PRIVATE),
        await _bearer(client, login, account, f"{account} with a token for another repository", only=another),
    ]


def _whole(name: str, authorization: str, scheme: Scheme, account: str) -> Caller:
    return Caller(
        name=name,
        authorization=authorization,
        scheme=scheme,
        roles=_ROLES[account],
        reach=_ALL,
        account=account,
        is_administrator=account == "root",
        is_whole=True,
    )


def _narrow(name: str, authorization: str, account: str) -> Caller:
    return replace(_whole(name, authorization, Scheme.BASIC, account), reach=_PULL_PRIVATE, is_whole=False)


async def _bearer(
    client: Client,
    login: str,
    account: str,
    name: str,
    *,
    only: frozenset[tuple[str, Action]],
    catalog: bool = False,
    roles: dict[str, Role] | None = None,
) -> Caller:
    """The bearer of a token that was asked for `only` these, and got of them what the account may."""
    asked = [
        f"repository:{repository}:{','.join(_WORDS[action] for action in Action if (repository, action) in only)}"
        for repository in REPOSITORIES
        if any(repository == name for name, _ in only)
    ]
    text = await _token(client, login, [*asked, *(["registry:catalog:*"] if catalog else [])])
    roles = _ROLES[account] if roles is None else roles
    got = {
        (repository, action)
        for repository, action in only
        if max(roles.get(repository, Role.NONE), Role.READER if repository == PUBLIC else Role.NONE)
        >= _WHAT_FOR[action]
        # So that whoever pushes there is told what is missing.
        or (repository == NOBODYS and action is Action.PUSH)
    }
    return Caller(
        name=name,
        authorization=f"Bearer {text}",
        scheme=Scheme.TOKEN,
        roles=roles,
        reach=frozenset(got),
        is_administrator=account == "root",
        sees_catalog=catalog,
    )


def _asked(repositories: Iterable[str], actions: Iterable[Action]) -> list[str]:
    words = ",".join(_WORDS[action] for action in actions)
    return [*(f"repository:{repository}:{words}" for repository in repositories), "registry:catalog:*"]


async def _token(client: Client, authorization: str, scopes: list[str]) -> str:
    headers = {"Authorization": authorization} if authorization else {}
    answer = await client.get(
        f"/token?{urlencode({'service': 'moorage', 'scope': scopes}, doseq=True)}", headers=headers
    )
    assert answer.status == 200, answer
    text: str = answer.document["token"]
    return text


async def _expired_token(client: Client, services: Services) -> str:
    auth = client.environment.config.auth
    ago_s = auth.token_lifetime_s + limits.TOKEN_SKEW_S + 1
    root = await services.database.read(lambda tx: tx.accounts.find("root"))
    assert root is not None
    tokens = Tokens(
        services.signing_keys,
        issuer=str(auth.issuer),
        service=str(auth.service),
        lifetime_s=auth.token_lifetime_s,
        clock=lambda: time.time() - ago_s,
    )
    subject = Subject(SubjectKind.USER, "root", root.id, Proof("password", root.generation))
    scopes = [TokenScope(RepositoryName.parse(name), frozenset({"*"})) for name in REPOSITORIES]
    return (await tokens.issue(subject, scopes)).text


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _make_world(tx: Transaction, password_hash: str) -> Secrets:
    for name, visibility in {PUBLIC: "public", PRIVATE: "private", FOREIGN: "private"}.items():
        tx.repositories.ensure(RepositoryName.parse(name), now(), Visibility(visibility), may_make_namespace=True)
    team = tx.namespaces.find("team")
    assert team is not None
    secrets: Secrets = {}
    for name in (*_ROLES, "lost"):
        account = _make_account(tx, name, AccountKind.USER, password_hash, is_admin=name in {"root", "lost"})
        namespace = tx.namespaces.make(name, NamespaceKind.USER, now())
        assert namespace is not None
        tx.namespaces.set_member(namespace.id, account.id, is_owner=True, now=now())
        secrets[name] = _credentials_of(tx, account)
        if name == "boss":
            tx.namespaces.set_member(team.id, account.id, is_owner=True, now=now())
        _grant(tx, account, name)
    for name in ("stranger", *_BY_GRANT):
        robot = _make_account(tx, f"team+{name}", AccountKind.ROBOT, None, namespace_id=team.id)
        secrets[robot.name] = {"robot": _credential(tx, robot, SecretKind.ROBOT)}
        _grant(tx, robot, name)
    return secrets


def _make_account(
    tx: Transaction,
    name: str,
    kind: AccountKind,
    password_hash: str | None,
    *,
    is_admin: bool = False,
    namespace_id: int | None = None,
) -> Account:
    account = tx.accounts.make(
        NewAccount(
            name=name,
            kind=kind,
            created_at=now(),
            created_by="operator",
            password_hash=password_hash,
            is_admin=is_admin,
            namespace_id=namespace_id,
        )
    )
    assert account is not None
    return account


def _grant(tx: Transaction, account: Account, name: str) -> None:
    if name in _BY_GRANT:
        for repository in (PUBLIC, PRIVATE):
            a_grant(tx, repository, repository, _BY_GRANT[name].name.lower(), account_id=account.id)


def _credentials_of(tx: Transaction, account: Account) -> dict[str, str]:
    only_pull = Scope(frozenset({scope.Action.PULL}), (RepositoryPattern.parse(PRIVATE),))
    return {
        "personal": _credential(tx, account, SecretKind.PERSONAL),
        "narrow": _credential(tx, account, SecretKind.PERSONAL, reach=only_pull),
        "revoked": _credential(tx, account, SecretKind.PERSONAL),
        "expired": _credential(tx, account, SecretKind.PERSONAL, lives_s=-1),
        "refresh": _credential(tx, account, SecretKind.REFRESH),
    }


def _credential(
    tx: Transaction, account: Account, kind: SecretKind, *, reach: Scope = EVERYTHING, lives_s: float = 3600
) -> str:
    secret = generate(kind)
    tx.credentials.make(
        NewCredential(
            account_id=account.id,
            kind=kind,
            name="of the matrix",
            hash=hash_of(secret),
            scope=str(reach),
            generation=account.generation,
            created_at=now(),
            created_by="operator",
            expires_at=now() + timedelta(seconds=lives_s),
        )
    )
    return secret


def _let_fall(tx: Transaction) -> None:
    root, lost = tx.accounts.find("root"), tx.accounts.find("lost")
    assert root is not None
    assert lost is not None
    # The third that was made, see `_credentials_of`.
    revoked = sorted(each.id for each in tx.credentials.list(root.id))[2]
    assert tx.credentials.revoke(root.id, revoked, now())
    assert tx.accounts.disable(lost.id)
