"""Names and passwords that an LDAP directory knows: an entry is searched by the name, and then bound as."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPSASLPrepError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.authenticator import Identity
from registry.auth.passwords import encoded
from registry.errors import DirectoryUnavailable, TooManyRequests
from storage_backends.threads import BlockingPool

SOURCE: Final = "ldap"

# RFC 4511, "Result Message".
_SUCCESS: Final = 0
_SIZE_EXCEEDED: Final = 4
_NO_SUCH_OBJECT: Final = 32
# A password that is wrong, must be changed first, or belongs to an entry that is locked.
_REFUSALS: Final = frozenset({19, 48, 49, 53})


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry's distinguished name, and what its account is known by."""

    dn: str
    external_id: str


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is and how it is asked; `{name}` is the name of whoever logs in.

    Their entry is the one below `base` that `filter` fits, or, without a search, `user_dn` where that is not empty.
    `bind_dn` and `bind_password` are who searches, nobody in particular where they are empty. An entry is known by the
    value of `id_attribute`, which stays with it when it is moved, or by its distinguished name. Certificates are
    checked against `ca_file`, or the system's authorities.
    """

    host: str
    port: int
    base: str = ""
    filter: str = "(uid={name})"
    user_dn: str = ""
    id_attribute: str = ""
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    use_ldaps: bool = False
    use_start_tls: bool = False
    ca_file: Path | None = None
    timeout_s: int = 5


class Directory:
    """Proves what the directory knows; belongs to one event loop, and is closed by whoever made it."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._settings = settings
        self._pool = BlockingPool(limits.DIRECTORY_THREADS, SOURCE)
        self._in_hand = 0

    async def prove(self, name: AccountName, password: str) -> Identity | None:
        """See `Authenticator.prove`."""
        # An empty password would be an "unauthenticated bind", which succeeds as nobody (RFC 4513, section 5.1.2).
        if name.is_robot or encoded(password) is None or "\0" in password:
            return None
        if self._in_hand >= limits.DIRECTORY_WAITING:
            raise TooManyRequests(1)
        self._in_hand += 1
        try:
            external_id = await self._pool.run(_prove, self._settings, name, password)
        except LDAPSASLPrepError:
            # Of characters that no password has (RFC 4013): it is wrong, and the directory was not asked.
            return None
        except (OSError, LDAPException) as error:
            raise DirectoryUnavailable(f"{type(error).__name__}: {error}") from error
        finally:
            self._in_hand -= 1
        return None if external_id is None else Identity(name, SOURCE, external_id)

    async def close(self) -> None:
        """End the threads after the work that was begun."""
        await self._pool.close()


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """What checks certificates against the authorities in `ca_file`, or the system's; made once, for it takes a while.

    Raises:
        OSError: the file cannot be read, or holds no certificates (`ssl.SSLError`).
    """
    return ssl.create_default_context(cafile=ca_file)


class _Tls(ldap3.Tls):  # type: ignore[misc]
    """Checks certificates and names as Python does; the library's own way is deprecated, and forgets its socket."""

    def __init__(self, settings: DirectorySettings) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = tls_context(settings.ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


def _prove(settings: DirectorySettings, name: AccountName, password: str) -> str | None:
    """What the one entry is known by that has this name and this password; blocks."""
    entry = _named(settings, name) if settings.user_dn else _searched(settings, name)
    if entry is None:
        # As many questions as about a name that is there: how long they take must not tell which ones are.
        with _connected(settings, f"cn={secrets.token_hex(8)},{settings.base}", password) as nobody:
            nobody.bind()
        return None
    with _connected(settings, entry.dn, password) as person:
        return entry.external_id if _bound(person) else None


def _named(settings: DirectorySettings, name: AccountName) -> _Entry:
    dn = settings.user_dn.replace("{name}", escape_rdn(str(name)))
    return _Entry(dn, dn)


def _searched(settings: DirectorySettings, name: AccountName) -> _Entry | None:
    with _connected(settings, settings.bind_dn, settings.bind_password) as searcher:
        if not _bound(searcher):
            raise DirectoryUnavailable("the directory refuses `bind_dn` with `bind_password`")
        return _found(searcher, settings, name)


@contextmanager
def _connected(settings: DirectorySettings, user: str, password: str) -> Iterator[Any]:
    server = ldap3.Server(
        settings.host,
        settings.port,
        use_ssl=settings.use_ldaps,
        tls=_Tls(settings),
        get_info=ldap3.NONE,
        connect_timeout=settings.timeout_s,
    )
    connection = ldap3.Connection(
        server,
        user or None,
        password or None,
        # Another server that this one points at must not be told passwords.
        auto_referrals=False,
        auto_bind=ldap3.AUTO_BIND_NONE,
        read_only=True,
        receive_timeout=settings.timeout_s,
    )
    try:
        connection.open()
        if settings.use_start_tls and not connection.start_tls():
            raise DirectoryUnavailable("the directory refuses StartTLS")
        yield connection
        connection.unbind()
    finally:
        # The library leaves it open when connecting, or the check of a certificate, fails.
        if connection.socket is not None:
            connection.socket.close()


def _bound(connection: Any) -> bool:
    if connection.bind():
        return True
    if connection.result["result"] in _REFUSALS:
        return False
    raise DirectoryUnavailable(f"bind: {connection.result['description']}")


def _found(searcher: Any, settings: DirectorySettings, name: AccountName) -> _Entry | None:
    wanted = settings.filter.replace("{name}", escape_filter_chars(str(name)))
    # Two, to see whether the name means one entry only.
    searcher.search(
        settings.base,
        wanted,
        attributes=[settings.id_attribute or ldap3.NO_ATTRIBUTES],
        size_limit=2,
        time_limit=settings.timeout_s,
    )
    if searcher.result["result"] not in {_SUCCESS, _SIZE_EXCEEDED, _NO_SUCH_OBJECT}:
        raise DirectoryUnavailable(f"search: {searcher.result['description']}")
    entries = [found for found in searcher.response if found["type"] == "searchResEntry"]
    if len(entries) != 1 or not entries[0]["dn"]:
        return None
    return _Entry(entries[0]["dn"], _external_id(entries[0], settings.id_attribute))


def _external_id(found: Any, attribute: str) -> str:
    if not attribute:
        dn: str = found["dn"]
        return dn
    values: list[bytes] = found["raw_attributes"].get(attribute) or []
    if len(values) != 1:
        raise DirectoryUnavailable(f"{len(values)} values of `id_attribute` at {found['dn']!r}")
    # OpenLDAP's are text; Active Directory's `objectGUID` is 16 bytes.
    text = values[0].decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else values[0].hex()
