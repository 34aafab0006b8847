"""Rules about how people log in: keys of `[auth]` that contradict each other, or need one another."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from registry.config.directory_values import NAME
from registry.config.schema import Auth, Config, External, Ldap
from registry.config.values import SocketAddress

_OF_THE_SEARCH: Final = ("base", "filter", "id_attribute", "bind_dn", "bind_password")


def problems_of_logins(config: Config) -> Iterator[tuple[str, str]]:
    """By key, what is wrong with it."""
    for key, file in _files(config):
        if file is not None and not os.access(file, os.R_OK):
            yield key, f"{file} cannot be read"
    yield from _modes(config)
    yield from _provider(config.auth)
    if config.auth.ldap.url is not None:
        yield from _directory(config.auth.ldap)
    if config.auth.mode == "external":
        yield from _token_server(config.auth.external)


def _files(config: Config) -> Iterator[tuple[str, Path | None]]:
    yield "auth.key_file", config.auth.key_file
    yield "auth.htpasswd", config.auth.htpasswd
    yield "auth.ldap.ca_file", config.auth.ldap.ca_file
    yield "auth.external.jwks_file", config.auth.external.jwks_file
    yield "auth.external.certificates", config.auth.external.certificates


def _modes(config: Config) -> Iterator[tuple[str, str]]:
    auth = config.auth
    if auth.htpasswd is not None and auth.mode != "token":
        yield "auth.htpasswd", 'needs `auth.mode = "token"`'
    if auth.ldap.url is not None and auth.mode != "token":
        yield "auth.ldap.url", 'needs `auth.mode = "token"`'
    if auth.ldap.url is None:
        for name in _set_keys(auth.ldap):
            yield f"auth.ldap.{name}", "needs `auth.ldap.url`"
    if auth.mode != "external":
        for name in _set_keys(auth.external):
            yield f"auth.external.{name}", 'needs `auth.mode = "external"`'


def _provider(auth: Auth) -> Iterator[tuple[str, str]]:
    if auth.oidc.issuer is None:
        for name in _set_keys(auth.oidc):
            yield f"auth.oidc.{name}", "needs `auth.oidc.issuer`"
        return
    if auth.mode != "token":
        yield "auth.oidc.issuer", 'needs `auth.mode = "token"`'
    if auth.oidc.client_id is None:
        yield "auth.oidc.client_id", "is missing beside `auth.oidc.issuer`"


def _directory(ldap: Ldap) -> Iterator[tuple[str, str]]:
    yield from _encryption(ldap)
    if ldap.user_dn is None and ldap.base is None:
        yield "auth.ldap.base", "is missing; or give `auth.ldap.user_dn` in the place of a search"
    if ldap.user_dn is not None:
        if NAME not in str(ldap.user_dn):
            yield "auth.ldap.user_dn", f"has no `{NAME}` in it: everybody would be one person"
        for name in _set_keys(ldap):
            if name in _OF_THE_SEARCH:
                yield f"auth.ldap.{name}", "is about the search, in whose place there is `auth.ldap.user_dn`"
    if ldap.bind_dn is not None and ldap.bind_password is None:
        yield "auth.ldap.bind_password", "is missing beside `auth.ldap.bind_dn`"
    if ldap.bind_dn is None and ldap.bind_password is not None:
        yield "auth.ldap.bind_dn", "is missing beside `auth.ldap.bind_password`"


def _encryption(ldap: Ldap) -> Iterator[tuple[str, str]]:
    assert ldap.url is not None
    if ldap.url.scheme == "ldaps" and ldap.start_tls:
        yield "auth.ldap.start_tls", "is for `ldap://`; `ldaps://` is encrypted already"
    is_encrypted = ldap.url.scheme == "ldaps" or ldap.start_tls
    if ldap.ca_file is not None and not is_encrypted:
        yield "auth.ldap.ca_file", "needs `ldaps://` or `auth.ldap.start_tls = true`"
    if not is_encrypted and not ldap.url.is_loopback and not ldap.allow_plain:
        reason = (
            "passwords would cross the network unencrypted; use `ldaps://`, set `auth.ldap.start_tls = true`, "
            "or `auth.ldap.allow_plain = true` if that is meant"
        )
        yield "auth.ldap.url", reason


def _token_server(external: External) -> Iterator[tuple[str, str]]:
    if external.realm is None:
        yield "auth.external.realm", 'is missing beside `auth.mode = "external"`'
    keys = [name for name in _set_keys(external) if name != "realm"]
    if not keys:
        yield "auth.external.jwks_url", "is missing; or give `jwks_file` or `certificates`"
    for name in keys[1:]:
        yield f"auth.external.{name}", f"and `auth.external.{keys[0]}` cannot both say which keys are trusted"
    url = external.jwks_url
    if url is not None and url.scheme == "http" and not SocketAddress(url.host, 0).is_loopback:
        yield "auth.external.jwks_url", "has to be `https://`: whoever could change what is fetched could make tokens"


def _set_keys(table: msgspec.Struct) -> list[str]:
    return [field.name for field in msgspec.structs.fields(table) if getattr(table, field.name) != field.default]
