"""A new password: read from standard input or asked for without an echo, never taken as an argument."""

import sys
from typing import Final

import click

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.passwords import check_new
from registry.errors import PasswordInvalid

from_stdin: Final = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


def read(name: AccountName, *, stdin: bool) -> str:
    """The new password of `name`, of which whoever gave it has been told if it cannot be one.

    Raises:
        click.ClickException: it can be none, or there is nobody to ask.
    """
    if stdin:
        password = sys.stdin.read(limits.PASSWORD_BYTES + 3).removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise click.UsageError("there is nobody to ask for the password; give --password-stdin")
    try:
        check_new(password, name)
    except PasswordInvalid as error:
        raise click.ClickException(str(error)) from error
    return password
