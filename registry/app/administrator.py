"""The first administrator, made before anything is served."""

from __future__ import annotations

import asyncio

from registry.app.database_access import open_configured
from registry.app.refusals import PasswordUnusable
from registry.auth import passwords
from registry.auth.passwords import Passwords
from registry.config import Config
from registry.config.schema import Auth
from registry.errors import PasswordInvalid
from registry.services import first_administrator
from registry.services.context import now


def make_administrator(config: Config) -> str | None:
    """Make the account `admin` where there is no account at all; its password, if that was made up just now.

    Raises:
        PasswordUnusable: the one that is configured cannot be a password, or its file cannot be read.
    """
    return asyncio.run(_make(config))


async def _make(config: Config) -> str | None:
    async with await open_configured(config.database) as database:
        if not await first_administrator.is_needed(database):
            return None
        given = _given(config.auth)
        password = given or passwords.generate()
        hasher = Passwords()
        try:
            password_hash = await hasher.hash(password)
        finally:
            await hasher.close()
        made = await first_administrator.make(database, password_hash, now())
    return password if made and given is None else None


def _given(auth: Auth) -> str | None:
    try:
        password = _configured(auth)
        if password is not None:
            passwords.check_new(password, first_administrator.NAME)
    except PasswordInvalid as error:
        raise PasswordUnusable(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise PasswordUnusable(f"{auth.admin_password_file}: {error}") from error
    return password


def _configured(auth: Auth) -> str | None:
    if auth.admin_password_file is not None:
        # Editors and secrets' managers end a file with a line break.
        return auth.admin_password_file.read_text().removesuffix("\n")
    return str(auth.admin_password) if auth.admin_password is not None else None
