"""Accounts and their tokens, in the web API: for administrators all of them, for people their own."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from registry.auth.account_name import AccountName
from registry.auth.pattern import RepositoryPattern
from registry.auth.permission import Permission
from registry.auth.scope import EVERYTHING, Scope
from registry.errors import ParameterInvalid
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import account_representations, answers
from registry.http.web_api.account_representations import (
    Account,
    AccountChange,
    AccountCreation,
    AccountPage,
    AccountQuery,
    CreatedAccount,
    CreatedToken,
    Identity,
    PasswordChange,
    TokenCreation,
    TokenList,
)
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.services import accounts, credentials, own_account

routes = RouteTable("api_accounts")

_LIST = "/api/v1/accounts"
_PATH = "/api/v1/accounts/{account}"
_TOKENS = f"{_PATH}/tokens"

_ID_DIGITS = 18


@routes.get("/api/v1/account", permission=Permission.ENTER)
@describes("Show who you are: what your credentials prove, and what they may be used for", answer=Identity)
async def show_identity(call: Call) -> web.StreamResponse:
    """Answer whoever asks with what is known of them."""
    read_query(call, NoParameters)
    found = await own_account.show(call.services, call.subject)
    return answers.content(account_representations.identity(call.subject, found))


@routes.get(_LIST, permission=Permission.ADMINISTER)
@describes("List accounts of people and robots by name", query=AccountQuery, answer=AccountPage)
async def list_accounts(call: Call) -> web.StreamResponse:
    """Answer a page of all accounts."""
    query = read_query(call, AccountQuery)
    # One more than the page, to learn whether there is a next one.
    found = await accounts.listing(call.services, call.subject, after=query.after, text=query.q, limit=query.limit + 1)
    return answers.page(call, account_representations.account_page(found, query))


@routes.post(_LIST, permission=Permission.ADMINISTER)
@describes(
    "Make a person's account, with the namespace of its name; needs a password, not a token",
    body=AccountCreation,
    answer=CreatedAccount,
    status=HTTPStatus.CREATED,
)
async def create_account(call: Call) -> web.StreamResponse:
    """Make an account, with a password that is given or made up."""
    # Its library is loaded where somebody makes passwords only.
    from registry.auth import passwords

    read_query(call, NoParameters)
    wanted = await read_body(call, AccountCreation)
    name = AccountName.parse(wanted.name)
    password = wanted.password or passwords.generate()
    passwords.check_new(password, name)
    made = await accounts.add(call.services, call.subject, name, password, is_admin=wanted.is_admin)
    told = password if wanted.password is None else None
    return answers.made(call, f"{_LIST}/{name}", account_representations.created_account(made, told))


@routes.get(_PATH, permission=Permission.SELF)
@describes("Show an account: your own, one of your robots, or any to administrators", answer=Account)
async def show_account(call: Call) -> web.StreamResponse:
    """Answer one account."""
    read_query(call, NoParameters)
    found = await accounts.show(call.services, call.subject, _account(call))
    return answers.content(account_representations.account(found))


@routes.patch(_PATH, permission=Permission.ADMINISTER)
@describes(
    "Disable an account or enable it, make a person an administrator or not; to give needs a password, not a token",
    body=AccountChange,
)
async def change_account(call: Call) -> web.StreamResponse:
    """Let an account stand otherwise."""
    read_query(call, NoParameters)
    name, wanted = _account(call), await read_body(call, AccountChange)
    await accounts.change(call.services, call.subject, name, is_disabled=wanted.is_disabled, is_admin=wanted.is_admin)
    return answers.nothing()


@routes.delete(_PATH, permission=Permission.ADMINISTER)
@describes("Remove a person's account with its tokens, grants and robots; its repositories stay")
async def delete_account(call: Call) -> web.StreamResponse:
    """Remove an account."""
    read_query(call, NoParameters)
    await accounts.remove(call.services, call.subject, _account(call))
    return answers.nothing()


@routes.put(f"{_PATH}/password", permission=Permission.SELF)
@describes(
    "Replace a password; the request has to be made with a password, the present one if it is your own",
    body=PasswordChange,
)
async def change_password(call: Call) -> web.StreamResponse:
    """Take another password of an account."""
    from registry.auth import passwords

    read_query(call, NoParameters)
    name, wanted = _account(call), await read_body(call, PasswordChange)
    passwords.check_new(wanted.password, name)
    await accounts.set_password(call.services, call.subject, name, wanted.password)
    return answers.nothing()


@routes.get(_TOKENS, permission=Permission.SELF)
@describes("List the tokens of an account", answer=TokenList)
async def list_tokens_of_account(call: Call) -> web.StreamResponse:
    """Answer all tokens of an account."""
    read_query(call, NoParameters)
    name = _account(call)
    found = await credentials.listing(call.services, call.subject, name)
    return answers.content(account_representations.token_list(name, found))


@routes.post(_TOKENS, permission=Permission.SELF)
@describes(
    "Make a token, which is told this once; needs a password, not a token",
    body=TokenCreation,
    answer=CreatedToken,
    status=HTTPStatus.CREATED,
)
async def create_token(call: Call) -> web.StreamResponse:
    """Make a token of an account."""
    read_query(call, NoParameters)
    name, wanted = _account(call), await read_body(call, TokenCreation)
    secret, made = await credentials.create(
        call.services, call.subject, name, name=wanted.name, scope=_scope(wanted), expires_at=wanted.expires_at
    )
    return answers.made(call, f"{_LIST}/{name}/tokens", account_representations.created_token(secret, made))


@routes.delete(f"{_TOKENS}/{{id}}", permission=Permission.SELF)
@describes("Revoke a token, at once and everywhere")
async def revoke_token(call: Call) -> web.StreamResponse:
    """End a token of an account."""
    read_query(call, NoParameters)
    await credentials.revoke(call.services, call.subject, _account(call), _id(call))
    return answers.nothing()


def _account(call: Call) -> AccountName:
    return AccountName.parse(call.parameters["account"])


def _id(call: Call) -> int:
    text = call.parameters["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS):
        raise ParameterInvalid("id", "the number of a token")
    return int(text)


def _scope(wanted: TokenCreation) -> Scope:
    patterns = map(RepositoryPattern.parse, dict.fromkeys(wanted.repositories or ()))
    return Scope(frozenset(wanted.actions or ()) or EVERYTHING.actions, tuple(patterns) or EVERYTHING.patterns)
