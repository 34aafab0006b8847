"""Asking people whether they mean it, before something goes that does not come back."""

import sys

import click


def confirm(question: str, yes: bool) -> None:
    """Return when `yes`, or when whoever sits at the terminal says so.

    Raises:
        click.Abort: they do not.
        click.UsageError: nobody is there.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked whether this is meant; say so with --yes")
    click.confirm(question, abort=True, err=True)
