"""From the JSON of `linux` to `Linux`."""

from __future__ import annotations

from runner.oci.kernel.namespaces import FLAGS
from runner.oci.spec.values import Device, IdRange, Linux, Namespace, TimeOffset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.json_fields import JsonFields

_ID = 2**32 - 1
_DEVICE_NUMBER = 2**32 - 1
_OFFSET_S = 2**62
_ID_RANGES = 340  # what the kernel takes (user_namespaces(7), "Defining user and group ID mappings")
_DEVICE_KINDS = {"b": "b", "c": "c", "u": "c", "p": "p"}
_CLOCKS = ("monotonic", "boottime")
_PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}
_PROPAGATIONS = {"", "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"}
_NOT_BUILT = ("intelRdt", "netDevices", "memoryPolicy")
_IPC_SETTINGS = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
    "kernel.shm_rmid_forced",
}  # fmt: skip


def parse_linux(fields: JsonFields) -> Linux:
    """What an object `linux` asks for.

    Raises:
        FieldInvalid: it is not what the specification says, or not built into this runtime.
    """
    for name in _NOT_BUILT:
        if fields.has(name):
            raise fields.wrong(name, "is not built into this runtime")
    propagation = fields.optional_line("rootfsPropagation") or ""
    if propagation not in _PROPAGATIONS:
        raise fields.wrong("rootfsPropagation", "is none that Linux has")
    linux = Linux(
        namespaces=_namespaces(fields),
        uid_mappings=parse_id_ranges(fields, "uidMappings"),
        gid_mappings=parse_id_ranges(fields, "gidMappings"),
        time_offsets=_time_offsets(fields.child("timeOffsets")),
        devices=tuple(_device(child) for child in fields.children("devices")),
        cgroups_path=fields.optional_text("cgroupsPath") or "",
        resources=_object(fields, "resources") or {},
        sysctls=fields.text_map("sysctl") or {},
        seccomp=_object(fields, "seccomp"),
        root_propagation=propagation,
        masked_paths=_absolute_paths(fields, "maskedPaths"),
        read_only_paths=_absolute_paths(fields, "readonlyPaths"),
        mount_label=fields.optional_line("mountLabel"),
        personality=_personality(fields.child("personality")),
    )
    _check_user_namespace(fields, linux)
    _check_sysctls(fields, linux)
    if linux.time_offsets and linux.namespace("time") is None:
        raise fields.wrong("timeOffsets", "needs a namespace of type time")
    return linux


def parse_id_ranges(fields: JsonFields, name: str) -> tuple[IdRange, ...]:
    """An array of ranges of IDs.

    Raises:
        FieldInvalid: it is none, or longer than the kernel takes.
    """
    children = fields.children(name)
    if len(children) > _ID_RANGES:
        raise fields.wrong(name, f"holds more than {_ID_RANGES} ranges")
    return tuple(
        IdRange(*(child.optional_integer(part, 0, _ID) or 0 for part in ("containerID", "hostID", "size")))
        for child in children
    )


def namespace_of_setting(name: str) -> str | None:
    """The kind of namespace that has a setting of the kernel for itself; None where it is the whole machine's."""
    plain = name.replace("/", ".")
    if plain.startswith("net."):
        return "network"
    if plain.startswith("fs.mqueue.") or plain in _IPC_SETTINGS:
        return "ipc"
    return "uts" if plain == "kernel.domainname" else None


def _namespaces(fields: JsonFields) -> tuple[Namespace, ...]:
    namespaces: list[Namespace] = []
    for child in fields.children("namespaces"):
        kind = child.line("type")
        if kind not in FLAGS:
            raise child.wrong("type", "is no kind of namespace that Linux has")
        if any(namespace.kind == kind for namespace in namespaces):
            raise child.wrong("type", "stands there twice")
        path = child.optional_text("path")
        if path is not None and (not path.startswith("/") or "\0" in path):
            raise child.wrong("path", "expected an absolute path")
        namespaces.append(Namespace(kind, path))
    return tuple(namespaces)


def _time_offsets(fields: JsonFields | None) -> tuple[TimeOffset, ...]:
    offsets: list[TimeOffset] = []
    for clock in _CLOCKS:
        if fields is not None and (child := fields.child(clock)) is not None:
            seconds = child.optional_integer("secs", -_OFFSET_S, _OFFSET_S) or 0
            offsets.append(TimeOffset(clock, seconds, child.optional_integer("nanosecs", 0, 999_999_999) or 0))
    return tuple(offsets)


def _device(fields: JsonFields) -> Device:
    kind = fields.line("type")
    if kind not in _DEVICE_KINDS:
        raise fields.wrong("type", "expected b, c, u or p")
    path = fields.optional_text("path") or ""
    if not path.startswith("/") or "\0" in path or path.endswith("/"):
        raise fields.wrong("path", "expected the absolute path of a file")
    mode = fields.optional_integer("fileMode", 0, 2**32 - 1)
    major, minor = (fields.optional_integer(name, -1, _DEVICE_NUMBER) for name in ("major", "minor"))
    if kind != "p" and (major is None or minor is None or major < 0 or minor < 0):
        raise fields.wrong("major", "major and minor are required")
    return Device(
        path=path,
        kind=_DEVICE_KINDS[kind],
        major=max(major or 0, 0),
        minor=max(minor or 0, 0),
        # Engines also write the bits of the file's type.
        mode=0o666 if mode is None else mode & 0o7777,
        uid=fields.optional_integer("uid", 0, _ID) or 0,
        gid=fields.optional_integer("gid", 0, _ID) or 0,
    )


def _absolute_paths(fields: JsonFields, name: str) -> tuple[str, ...]:
    paths = fields.texts(name)
    if any(not path.startswith("/") or "\0" in path for path in paths):
        raise fields.wrong(name, "expected absolute paths")
    return paths


def _object(fields: JsonFields, name: str) -> Mapping[str, object] | None:
    child = fields.child(name)
    return None if child is None else child.values()


def _personality(fields: JsonFields | None) -> int | None:
    if fields is None:
        return None
    domain = fields.line("domain")
    if domain not in _PERSONALITIES:
        raise fields.wrong("domain", "expected LINUX or LINUX32")
    if fields.texts("flags"):
        raise fields.wrong("flags", "none is known")
    return _PERSONALITIES[domain]


def _check_user_namespace(fields: JsonFields, linux: Linux) -> None:
    user = linux.namespace("user")
    mapped = bool(linux.uid_mappings or linux.gid_mappings)
    if mapped and user is None:
        raise fields.wrong("uidMappings", "needs a namespace of type user")
    if user is not None and user.path is None and not (linux.uid_mappings and linux.gid_mappings):
        raise fields.wrong("uidMappings", "a new user namespace needs uidMappings and gidMappings")


def _check_sysctls(fields: JsonFields, linux: Linux) -> None:
    """Refuse what would change the host: a setting belongs to a namespace, and the container must have its own."""
    for name in linux.sysctls:
        plain = name.replace("/", ".")
        # In a name that begins as one of a namespace's, `..` would lead to any other setting.
        if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/" if "/" in name else ".")):
            raise fields.wrong("sysctl", f"{plain[:80]!r} is no name of a setting")
        kind = namespace_of_setting(name)
        if kind is None:
            raise fields.wrong("sysctl", f"{plain[:80]!r} is not in a separate kernel namespace")
        if linux.namespace(kind) is None:
            raise fields.wrong("sysctl", f"{plain[:80]!r} needs a namespace of type {kind}")
