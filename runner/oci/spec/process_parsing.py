"""From the JSON of `process` to `Process`."""

from __future__ import annotations

import resource

from runner.oci.spec.capability_names import NUMBERS
from runner.oci.spec.values import Capabilities, IoPriority, Process, Rlimit, Scheduler, User

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.json_fields import JsonFields

_ID = 2**32 - 2
_UINT64 = 2**64 - 1
_INT64 = 2**63 - 1
_LONGEST_TEXT = 2 * 1024 * 1024
_SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")
_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
_POLICIES = {
    "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}  # fmt: skip
_SCHEDULING_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}  # fmt: skip


def parse_process(fields: JsonFields) -> Process:
    """The program that an object `process` describes.

    Raises:
        FieldInvalid: it is not what the specification says.
    """
    cwd = _text(fields, "cwd")
    if not cwd.startswith("/"):
        raise fields.wrong("cwd", "expected an absolute path")
    arguments = plain_texts(fields, "args")
    if not arguments or not arguments[0]:
        raise fields.wrong("args", "expected a program")
    for name in ("execCPUAffinity",):
        if fields.has(name):
            raise fields.wrong(name, "is not built into this runtime")
    return Process(
        terminal=fields.flag("terminal"),
        console_size=_console_size(fields.child("consoleSize")),
        user=_user(fields.child("user")),
        arguments=arguments,
        environment=_environment(fields),
        cwd=cwd,
        capabilities=_capabilities(fields.child("capabilities")),
        rlimits=_rlimits(fields.children("rlimits")),
        no_new_privileges=fields.flag("noNewPrivileges"),
        apparmor_profile=fields.optional_line("apparmorProfile"),
        selinux_label=fields.optional_line("selinuxLabel"),
        oom_score_adj=fields.optional_integer("oomScoreAdj", -1000, 1000),
        io_priority=_io_priority(fields.child("ioPriority")),
        scheduler=_scheduler(fields.child("scheduler")),
    )


def plain_texts(fields: JsonFields, name: str) -> tuple[str, ...]:
    """An array of strings that a program can be given.

    Raises:
        FieldInvalid: one holds a null byte, or is longer than the kernel takes.
    """
    texts = fields.texts(name)
    if any("\0" in text or len(text) > _LONGEST_TEXT for text in texts):
        raise fields.wrong(name, "holds a null byte, or is too long")
    return texts


def _text(fields: JsonFields, name: str) -> str:
    text = fields.optional_text(name)
    if text is None or "\0" in text:
        raise fields.wrong(name, "expected a string that is not empty and holds no null byte")
    return text


def _environment(fields: JsonFields) -> tuple[str, ...]:
    texts = plain_texts(fields, "env")
    if any("=" not in text[1:] for text in texts):
        raise fields.wrong("env", "expected texts like NAME=value")
    return texts


def _console_size(fields: JsonFields | None) -> tuple[int, int] | None:
    if fields is None:
        return None
    rows = fields.optional_integer("height", 0, 65_535) or 0
    columns = fields.optional_integer("width", 0, 65_535) or 0
    return rows, columns


def _user(fields: JsonFields | None) -> User:
    if fields is None:
        return User(0, 0, None, ())
    return User(
        uid=fields.optional_integer("uid", 0, _ID) or 0,
        gid=fields.optional_integer("gid", 0, _ID) or 0,
        umask=fields.optional_integer("umask", 0, 0o777),
        additional_gids=fields.integers("additionalGids", 0, _ID),
    )


def _capabilities(fields: JsonFields | None) -> Capabilities | None:
    if fields is None:
        return None
    named = {name: fields.texts(name) for name in _SETS}
    numbers = {name: frozenset(NUMBERS[text] for text in texts if text in NUMBERS) for name, texts in named.items()}
    unknown = {text for texts in named.values() for text in texts if text not in NUMBERS}
    return Capabilities(**numbers, unknown=tuple(sorted(unknown)))


def _rlimits(children: tuple[JsonFields, ...]) -> tuple[Rlimit, ...]:
    limits: list[Rlimit] = []
    for child in children:
        name = child.line("type")
        kind = getattr(resource, name, None) if name.startswith("RLIMIT_") else None
        if not isinstance(kind, int):
            raise child.wrong("type", "is no limit that Linux has")
        soft, hard = (child.optional_integer(field, 0, _UINT64) for field in ("soft", "hard"))
        if soft is None or hard is None:
            raise child.wrong("soft", "soft and hard are required")
        if soft > hard:
            raise child.wrong("soft", "is above the hard limit")
        if any(limit.kind == kind for limit in limits):
            raise child.wrong("type", "stands there twice")
        limits.append(Rlimit(name, kind, soft, hard))
    return tuple(limits)


def _io_priority(fields: JsonFields | None) -> IoPriority | None:
    if fields is None:
        return None
    name = fields.line("class")
    if name not in _IO_CLASSES:
        raise fields.wrong("class", "is no class that Linux has")
    return IoPriority(_IO_CLASSES[name], fields.optional_integer("priority", 0, 7) or 0)


def _scheduler(fields: JsonFields | None) -> Scheduler | None:
    if fields is None:
        return None
    policy = fields.line("policy")
    if policy not in _POLICIES:
        raise fields.wrong("policy", "is no policy that Linux has")
    flags = fields.texts("flags")
    if not set(flags) <= _SCHEDULING_FLAGS.keys():
        raise fields.wrong("flags", "holds one that Linux does not have")
    return Scheduler(
        policy=_POLICIES[policy],
        nice=fields.optional_integer("nice", -20, 19) or 0,
        priority=fields.optional_integer("priority", 0, 99) or 0,
        flags=sum(_SCHEDULING_FLAGS[flag] for flag in set(flags)),
        runtime=fields.optional_integer("runtime", 0, _INT64) or 0,
        deadline=fields.optional_integer("deadline", 0, _INT64) or 0,
        period=fields.optional_integer("period", 0, _INT64) or 0,
    )
