"""`exec`: execute a further program in a container."""

from __future__ import annotations

from runner.oci.bundles import read_text
from runner.oci.command import Command
from runner.oci.commands.create import preserved
from runner.oci.containers import find
from runner.oci.errors import UsageInvalid
from runner.oci.execution import ExecWish, confined, execute, look
from runner.oci.options import Flag
from runner.oci.spec.capability_names import NUMBERS
from runner.oci.spec.config_parsing import parse_process_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.oci.command import Context
    from runner.oci.options import Given
    from runner.oci.spec.values import Capabilities, Process, User

_ID = 2**32 - 2

FLAGS = (
    Flag("process", "the file that describes the program, as config.json does", "FILE", short="p"),
    Flag("console-socket", "the socket that is sent the terminal", "SOCKET"),
    Flag("pid-file", "the file that the program's number is written to", "FILE"),
    Flag("detach", "come back as soon as the program is executed", short="d"),
    Flag("tty", "give it a terminal", short="t"),
    Flag("cwd", "its working directory", "DIRECTORY"),
    Flag("env", "NAME=value in its environment", "TEXT", short="e", many=True),
    Flag("user", "whom it runs as", "UID[:GID]", short="u"),
    Flag("additional-gids", "a further group", "GID", short="g", many=True),
    Flag("cap", "a further capability", "NAME", short="c", many=True),
    Flag("no-new-privs", "let no program give it more"),
    Flag("apparmor", "its AppArmor profile", "NAME"),
    Flag("process-label", "its SELinux label", "LABEL"),
    Flag("preserve-fds", "how many descriptors behind stderr it inherits", "NUMBER"),
)


def _run(given: Given, context: Context) -> int:
    if not given.operands:
        raise UsageInvalid("expected a container ID")
    container = find(context.root, given.operands[0])
    config = container.read_config()
    path = given.text("process")
    own = config.process
    process = _from_flags(given, own) if path is None else confined(parse_process_text(read_text(path)), own)
    wish = ExecWish(
        process=process,
        console_socket=given.text("console-socket"),
        pid_file=given.text("pid-file"),
        preserved=preserved(given),
        detach=given.has("detach"),
    )
    return execute(look(container, config, context.root, context.log), wish, context.log)


def _from_flags(given: Given, own: Process) -> Process:
    """The container's own program, with what the flags say instead."""
    arguments = given.operands[1:]
    if not arguments:
        raise UsageInvalid("expected a program, or --process")
    return own._replace(
        arguments=arguments,
        terminal=given.has("tty"),
        cwd=given.text("cwd") or own.cwd,
        environment=(*own.environment, *given.texts("env")),
        user=_user(given, own.user),
        capabilities=_capabilities(given.texts("cap"), own.capabilities),
        no_new_privileges=own.no_new_privileges or given.has("no-new-privs"),
        apparmor_profile=given.text("apparmor") or own.apparmor_profile,
        selinux_label=given.text("process-label") or own.selinux_label,
    )


def _user(given: Given, own: User) -> User:
    further = tuple(_number(text, "additional-gids") for text in given.texts("additional-gids"))
    text = given.text("user")
    if text is None:
        return own._replace(additional_gids=(*own.additional_gids, *further))
    uid, separator, gid = text.partition(":")
    return own._replace(
        uid=_number(uid, "user"), gid=_number(gid, "user") if separator else own.gid, additional_gids=further
    )


def _number(text: str, flag: str) -> int:
    if not text.isdecimal() or int(text) > _ID:
        raise UsageInvalid(f"--{flag}: expected the number of a user or group")
    return int(text)


def _capabilities(names: tuple[str, ...], own: Capabilities | None) -> Capabilities | None:
    for name in names:
        if name not in NUMBERS:
            raise UsageInvalid(f"--cap: there is no capability {name[:40]!r}")
    if own is None or not names:
        return own
    further = frozenset(NUMBERS[name] for name in names)
    # Not the inheritable set: programs of other users would get them by it (CVE-2022-29162).
    return own._replace(
        bounding=own.bounding | further, effective=own.effective | further, permitted=own.permitted | further
    )


COMMAND = Command(
    "execute a further program in a container", "<container> [program] [arguments]", FLAGS, _run, stop_at_operand=True
)
