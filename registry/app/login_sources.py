"""The outside sources that prove names and passwords, as they are configured; each is imported where it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from registry.app.refusals import LoginSourceUnusable
from registry.auth.authenticator import Authenticator
from registry.config.directory_values import LdapUrl
from registry.config.schema import Auth, Ldap
from registry.services.outside_sources import OutsideSources

if TYPE_CHECKING:
    from registry.auth.ldap import DirectorySettings


def check_sources(auth: Auth) -> None:
    """Return when what is configured can be used at this moment, as far as that can be seen on this machine.

    Raises:
        LoginSourceUnusable: it cannot.
    """
    if auth.htpasswd is not None:
        _check_htpasswd(auth.htpasswd)
    if auth.ldap.url is not None:
        _check_directory(auth.ldap)


@asynccontextmanager
async def open_sources(auth: Auth) -> AsyncIterator[OutsideSources]:
    """The sources of `auth` until the block ends, in the order in which they are asked."""
    async with AsyncExitStack() as stack:
        sources: list[Authenticator] = []
        if auth.htpasswd is not None:
            from registry.auth.htpasswd import Htpasswd

            htpasswd = Htpasswd(auth.htpasswd)
            stack.push_async_callback(htpasswd.close)
            sources.append(htpasswd)
        if auth.ldap.url is not None:
            from registry.auth.ldap import Directory

            directory = Directory(_settings_of(auth.ldap, auth.ldap.url))
            stack.push_async_callback(directory.close)
            sources.append(directory)
        yield OutsideSources(sources)


def _check_htpasswd(path: Path) -> None:
    from registry.auth.htpasswd import HtpasswdInvalid, read

    try:
        read(path)
    except (HtpasswdInvalid, OSError) as error:
        raise LoginSourceUnusable("auth.htpasswd", str(error)) from error


def _check_directory(ldap: Ldap) -> None:
    # Imported whatever there is to be checked: workers that are forked from here have it then.
    from registry.auth.ldap import tls_context

    if ldap.ca_file is None:
        return
    try:
        tls_context(ldap.ca_file)
    except OSError as error:
        raise LoginSourceUnusable("auth.ldap.ca_file", f"{ldap.ca_file}: {error.strerror or error}") from error


def _settings_of(ldap: Ldap, url: LdapUrl) -> DirectorySettings:
    from registry.auth.ldap import DirectorySettings

    return DirectorySettings(
        host=url.host,
        port=url.port,
        base=_text(ldap.base),
        filter=str(ldap.filter),
        user_dn=_text(ldap.user_dn),
        id_attribute=_text(ldap.id_attribute),
        bind_dn=_text(ldap.bind_dn),
        bind_password=_text(ldap.bind_password),
        use_ldaps=url.scheme == "ldaps",
        use_start_tls=ldap.start_tls,
        ca_file=ldap.ca_file,
        timeout_s=ldap.timeout_s,
    )


def _text(value: object | None) -> str:
    return "" if value is None else str(value)
