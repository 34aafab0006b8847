"""`registry keys`: list and rotate the keys that sign tokens."""

from datetime import datetime

import click

from registry.auth.signing_keys import KeyState
from registry.auth.subject import OPERATOR
from registry.cli import output
from registry.cli.groups import Group
from registry.cli.options import as_json, configured
from registry.cli.running import with_services
from registry.config import Resolved
from registry.services import signing
from registry.services.context import now
from registry.services.signing import OldKeys


@click.group("keys", cls=Group)
def command() -> None:
    """List and rotate the keys that sign tokens."""


@command.command("list")
@as_json
@configured()
def list_keys(resolved: Resolved, json_output: bool) -> None:
    """List the keys that sign tokens, newest first, and until when each verifies what it has signed."""
    found = with_services(resolved.config, lambda services: signing.listing(services, OPERATOR))
    if json_output:
        output.print_json({"keys": [_document(state) for state in found]})
    else:
        moment = now()
        rows = [[state.key_id, state.algorithm, state.created_at, _shown(state, moment)] for state in found]
        output.print_table(["KEY", "ALGORITHM", "CREATED", "STATE"], rows)


@command.command("rotate")
@click.option("--refuse-old", is_flag=True, help="Forget the old keys, for when one may be in wrong hands.")
@as_json
@configured()
def rotate(resolved: Resolved, refuse_old: bool, json_output: bool) -> None:
    """Make a new key that signs tokens from now on.

    The old one goes on verifying until the last token that it may have signed has expired. With --refuse-old, no
    registry that runs takes its tokens any more when this command ends.
    """
    old = OldKeys.REFUSED if refuse_old else OldKeys.VERIFY
    key_id = with_services(resolved.config, lambda services: signing.rotate(services, OPERATOR, old))
    if json_output:
        output.print_json({"key_id": key_id, "old_keys": old})
    elif refuse_old:
        click.echo(f"{key_id} signs from now on; tokens of older keys are refused")
    else:
        click.echo(f"{key_id} signs from now on; older keys verify until their last tokens have expired")


def _document(state: KeyState) -> dict[str, object]:
    return {
        "key_id": state.key_id,
        "algorithm": state.algorithm,
        "created_at": state.created_at,
        "verifies_until": state.verifies_until,
    }


def _shown(state: KeyState, moment: datetime) -> str:
    if state.verifies_until is None:
        return "signs"
    if state.verifies_until <= moment:
        return "verifies no more"
    return f"verifies until {state.verifies_until.astimezone():%Y-%m-%d %H:%M:%S}"
