"""`process`: the program, whom it runs as, and what it may do."""

from __future__ import annotations

from runner.bundles import capabilities
from runner.bundles.merging import join_variables
from runner.bundles.program import Program
from runner.bundles.users import resolve
from runner.containers.settings import HOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.bundles.facts import Facts
    from runner.bundles.place import Place
    from runner.bundles.users import Identity
    from runner.containers.settings import Settings, Ulimit

    Document = dict[str, object]

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_INIT = ("/sbin/docker-init", "--")
_ID_DIGITS = 12
_UNLIMITED = 2**64 - 1


def process(settings: Settings, place: Place, facts: Facts, hostname: str) -> tuple[Document, list[str]]:
    """The process of a container, and warnings.

    Raises:
        UserUnknown: its user is not in its root file system.
    """
    arguments = (*(settings.entrypoint or ()), *(settings.command or ()))
    own = Program(_INIT + arguments if settings.init else arguments, terminal=settings.terminal)
    return _document(settings, own, place.root, facts=facts, hostname=hostname)


def further_process(
    settings: Settings, program: Program, root: int, *, facts: Facts, hostname: str
) -> tuple[Document, list[str]]:
    """The same of a further program, with the limits and no more rights than the container's own, unless it is to.

    Args:
        settings: the container's.
        program: what is to be executed.
        root: the container's root file system, open; what runs in it may have changed it.
        facts: the host.
        hostname: the container's name for itself.

    Raises:
        UserUnknown: its user is not there.
    """
    if program.privileged:
        settings = settings._replace(security=settings.security._replace(privileged=True))
    return _document(settings, program, root, facts=facts, hostname=hostname)


def hostname_of(settings: Settings, container: str, facts: Facts) -> str:
    """The name that a container's host has for it."""
    if settings.hostname is not None:
        return settings.hostname
    if HOST in {settings.namespaces.uts, settings.network.mode}:
        return facts.hostname
    return container[:_ID_DIGITS]


def _document(
    settings: Settings, program: Program, root: int, *, facts: Facts, hostname: str
) -> tuple[Document, list[str]]:
    usual = [PATH, f"HOSTNAME={hostname}", *(["TERM=xterm"] if program.terminal else [])]
    environment = join_variables(join_variables(usual, settings.environment), program.environment)
    identity = resolve(root, program.user or settings.user, settings.added_groups)
    held, warnings = _capabilities(settings, facts, identity)
    document: Document = {
        "terminal": program.terminal,
        "user": {"uid": identity.uid, "gid": identity.gid, "additionalGids": list(identity.groups)},
        "args": list(program.arguments),
        "env": list(environment),
        "cwd": program.working_directory or settings.working_directory or "/",
        "capabilities": held,
        "noNewPrivileges": settings.security.no_new_privileges,
    }
    if settings.ulimits:
        document["rlimits"] = [_rlimit(each) for each in settings.ulimits]
    if settings.oom_score_adj is not None:
        document["oomScoreAdj"] = settings.oom_score_adj
    return document, warnings


def _capabilities(settings: Settings, facts: Facts, identity: Identity) -> tuple[Document, list[str]]:
    """`process.capabilities`, and a warning of those that the host has not got itself.

    Root holds them; another user can get them by a program that gives them. None are inheritable: what is would be
    given to any program with a mark of it (CVE-2022-24769).
    """
    names, missing = capabilities.in_order(capabilities.choose(settings.security), facts.capabilities)
    asked = {*settings.security.capabilities_added}
    warnings = [f"this host has not got {name}: the container goes without" for name in missing if name in asked]
    if identity.uid == 0:
        return {"bounding": names, "effective": names, "permitted": names}, warnings
    return {"bounding": names}, warnings


def _rlimit(limit: Ulimit) -> Document:
    return {"type": f"RLIMIT_{limit.name.upper()}", "soft": _bound(limit.soft), "hard": _bound(limit.hard)}


def _bound(number: int) -> int:
    return _UNLIMITED if number < 0 else number
