"""`linux.seccomp`: the filter of system calls that a container gets."""

from __future__ import annotations

from runner.bundles.errors import SeccompUnusable
from runner.containers.settings import UNCONFINED
from runner.json_text import JsonInvalid, decode
from runner.seccomp import default
from runner.seccomp.engine_format import resolve
from runner.seccomp.errors import SeccompError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.bundles.facts import Facts
    from runner.containers.settings import Security


def seccomp(security: Security, capabilities: frozenset[str], facts: Facts) -> dict[str, object] | None:
    """The filter; None for none.

    Args:
        security: what is asked for.
        capabilities: those that the container has: a call that needs one is of no use without it.
        facts: the host.

    Raises:
        SeccompUnusable: the profile is none.
    """
    if security.seccomp == UNCONFINED or (security.privileged and security.seccomp is None):
        return None
    try:
        profile = default.PROFILE if security.seccomp is None else decode(security.seccomp)
        return resolve(profile, capabilities, facts.machine, facts.kernel)
    except (JsonInvalid, SeccompError) as error:
        raise SeccompUnusable(str(error)) from error
