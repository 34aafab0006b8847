"""Whom the program runs as and what it may do: user, groups, capabilities, and no way back."""

from __future__ import annotations

import os

from runner.oci.errors import CallFailed
from runner.oci.kernel import tasks
from runner.oci.spec.values import Capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.oci.spec.values import User

    Warn = Callable[[str], None]

_USUAL_UMASK = 0o022
_NONE = Capabilities(frozenset(), frozenset(), frozenset(), frozenset(), frozenset(), ())


def take(user: User, capabilities: Capabilities | None, warn: Warn) -> None:
    """Become the user, with these capabilities and none besides. There is no way back.

    Args:
        user: in the numbers of this process's user namespace.
        capabilities: None gives none, to root neither, as other runtimes have it.
        warn: told of capabilities that cannot be had here.

    Raises:
        CallFailed: the kernel refuses, as it does IDs that the user namespace does not map.
    """
    own = tasks.bounding_set()
    wanted = _available(capabilities or _NONE, own, warn)
    for number in own - wanted.bounding:
        tasks.drop_from_bounding_set(number)
    tasks.keep_capabilities(True)
    _become(user)
    tasks.keep_capabilities(False)
    _set(wanted)


def _available(wanted: Capabilities, own: frozenset[int], warn: Warn) -> Capabilities:
    """Without what this process has not got itself: a warning instead of a failure, for the host may lack it."""
    if wanted.unknown:
        warn(f"capabilities that are not known are left out: {', '.join(wanted.unknown)}")
    asked = wanted.bounding | wanted.permitted | wanted.effective | wanted.inheritable | wanted.ambient
    if asked - own:
        warn(f"capabilities that this host has not got are left out: {sorted(asked - own)}")
    permitted, inheritable = wanted.permitted & own, wanted.inheritable & own
    ambient = wanted.ambient & own
    # The kernel takes but such; what asks for more has them in vain, as with other runtimes.
    possible = ambient & permitted & inheritable
    if ambient != possible:
        warn(f"ambient capabilities that are not both permitted and inheritable: {sorted(ambient - possible)}")
    return wanted._replace(
        bounding=wanted.bounding & own,
        permitted=permitted,
        inheritable=inheritable,
        effective=wanted.effective & permitted,
        ambient=possible,
    )


def _become(user: User) -> None:
    try:
        _set_groups(user)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        raise CallFailed("setuid", f"{user.uid}:{user.gid}", error) from error
    # The caller's is its own matter.
    os.umask(_USUAL_UMASK if user.umask is None else user.umask)


def _set_groups(user: User) -> None:
    try:
        os.setgroups(list(user.additional_gids))
    except PermissionError:
        # In a user namespace that must not change its groups there are none to change. That is asked only now: the file
        # may be the image's, and must not keep the runtime's groups for the program.
        if user.additional_gids or not _is_denied_groups():
            raise


def _is_denied_groups() -> bool:
    try:
        descriptor = os.open("/proc/self/setgroups", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(descriptor, 16).strip() == b"deny"
    finally:
        os.close(descriptor)


def _set(wanted: Capabilities) -> None:
    tasks.set_capabilities(_mask(wanted.effective), _mask(wanted.permitted), _mask(wanted.inheritable))
    tasks.clear_ambient_set()
    for number in sorted(wanted.ambient):
        tasks.raise_ambient(number)


def _mask(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)
