"""From the JSON of `linux.resources` to `Resources`. Nothing is guessed: an unknown or ill-typed field is refused."""

from __future__ import annotations

from oci_spec.json_fields import FieldInvalid, JsonFields
from runner.cgroups.errors import CgroupResourcesInvalid
from runner.cgroups.resources import (
    BlockIo,
    Cpu,
    DeviceRate,
    DeviceRule,
    DeviceWeight,
    HugepageLimit,
    Memory,
    Resources,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_INT64 = 2**63 - 1
_UINT64 = 2**64 - 1
_DEVICE_NUMBER = 2**32 - 1

_LIST = r"[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*"
_PAGE_SIZE = r"[1-9][0-9]{0,3}[KMG]B"
_UNIFIED_NAME = r"[a-z0-9_]+(\.[A-Za-z0-9_]+)+"

_FIELDS = {"memory", "cpu", "pids", "blockIO", "devices", "hugepageLimits", "unified", "network", "rdma"}
_MEMORY = {
    "limit", "reservation", "swap", "kernel", "kernelTCP", "swappiness", "disableOOMKiller", "useHierarchy",
    "checkBeforeUpdate",
}  # fmt: skip
_CPU = {"shares", "quota", "burst", "period", "realtimeRuntime", "realtimePeriod", "cpus", "mems", "idle"}
_THROTTLES = ("throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice")
_BLOCK_IO = {"weight", "leafWeight", "weightDevice", *_THROTTLES}
# As runc does: version 2 has no such limits, and newer kernels do not take them in version 1 either.
_IGNORED_MEMORY = ("kernel", "kernelTCP", "useHierarchy")


def parse_resources(document: Mapping[str, object]) -> Resources:
    """The limits that an object `linux.resources`, decoded from JSON, asks for.

    Raises:
        CgroupResourcesInvalid: a field is unknown, ill-typed or out of bounds.
    """
    fields = JsonFields(dict(document))
    try:
        return _resources(fields)
    except FieldInvalid as error:
        raise CgroupResourcesInvalid(str(error)) from error


def _resources(fields: JsonFields) -> Resources:
    _refuse_unknown(fields, _FIELDS)
    for name in ("network", "rdma"):
        if (child := fields.child(name)) is not None and child.names():
            raise fields.wrong(name, "is not supported")
    memory = fields.child("memory")
    cpu = fields.child("cpu")
    block_io = fields.child("blockIO")
    return Resources(
        memory=_memory(memory) if memory else Memory(),
        cpu=_cpu(cpu) if cpu else Cpu(),
        pids=_pids(fields.child("pids")),
        block_io=_block_io(block_io) if block_io else BlockIo(),
        devices=tuple(_device_rule(child) for child in fields.children("devices")),
        hugepages=tuple(_hugepages(child) for child in fields.children("hugepageLimits")),
        unified=_unified(fields),
        warnings=_memory_warnings(memory) if memory else (),
    )


def _memory(fields: JsonFields) -> Memory:
    _refuse_unknown(fields, _MEMORY)
    memory = Memory(
        limit=_limit(fields, "limit"),
        reservation=_limit(fields, "reservation"),
        swap=_limit(fields, "swap"),
        swappiness=fields.optional_integer("swappiness", 0, 100),
        disable_oom_killer=fields.flag("disableOOMKiller"),
        check_before_update=fields.flag("checkBeforeUpdate"),
    )
    if memory.swap is not None and memory.swap > 0:
        if memory.limit is None or memory.limit < 0:
            raise fields.wrong("swap", "counts memory too, so it needs a limit of memory")
        if memory.swap < memory.limit:
            raise fields.wrong("swap", "counts memory too, so it is at least the limit of memory")
    return memory


def _memory_warnings(fields: JsonFields) -> tuple[str, ...]:
    return tuple(f"memory.{name} is ignored: kernels no longer take it" for name in _IGNORED_MEMORY if fields.has(name))


def _cpu(fields: JsonFields) -> Cpu:
    _refuse_unknown(fields, _CPU)
    return Cpu(
        shares=fields.optional_integer("shares", 0, _UINT64) or None,
        quota=_limit(fields, "quota"),
        period=fields.optional_integer("period", 0, _UINT64) or None,
        burst=fields.optional_integer("burst", 0, _UINT64),
        idle=fields.optional_integer("idle", 0, 1),
        realtime_runtime=fields.optional_integer("realtimeRuntime", -1, _INT64) or None,
        realtime_period=fields.optional_integer("realtimePeriod", 0, _UINT64) or None,
        cpus=_list(fields, "cpus"),
        mems=_list(fields, "mems"),
    )


def _pids(fields: JsonFields | None) -> int | None:
    if fields is None:
        return None
    _refuse_unknown(fields, {"limit"})
    return _limit(fields, "limit")


def _block_io(fields: JsonFields) -> BlockIo:
    _refuse_unknown(fields, _BLOCK_IO)
    read_bps, write_bps, read_iops, write_iops = (_rates(fields, name) for name in _THROTTLES)
    return BlockIo(
        weight=_weight(fields, "weight"),
        leaf_weight=_weight(fields, "leafWeight"),
        weights=tuple(_device_weight(child) for child in fields.children("weightDevice")),
        read_bps=read_bps,
        write_bps=write_bps,
        read_iops=read_iops,
        write_iops=write_iops,
    )


def _device_weight(fields: JsonFields) -> DeviceWeight:
    _refuse_unknown(fields, {"major", "minor", "weight", "leafWeight"})
    major, minor = _device(fields)
    return DeviceWeight(major, minor, _weight(fields, "weight"), _weight(fields, "leafWeight"))


def _rates(fields: JsonFields, name: str) -> tuple[DeviceRate, ...]:
    return tuple(_device_rate(child) for child in fields.children(name))


def _device_rate(fields: JsonFields) -> DeviceRate:
    _refuse_unknown(fields, {"major", "minor", "rate"})
    rate = fields.optional_integer("rate", 0, _UINT64)
    if rate is None:
        raise fields.wrong("rate", "is required")
    return DeviceRate(*_device(fields), rate)


def _device(fields: JsonFields) -> tuple[int, int]:
    major = fields.optional_integer("major", 0, _DEVICE_NUMBER)
    minor = fields.optional_integer("minor", 0, _DEVICE_NUMBER)
    if major is None or minor is None:
        raise fields.wrong("major", "major and minor are required")
    return major, minor


def _device_rule(fields: JsonFields) -> DeviceRule:
    _refuse_unknown(fields, {"allow", "type", "major", "minor", "access"})
    kind = fields.optional_text("type") or "a"
    if kind not in {"a", "b", "c"}:
        raise fields.wrong("type", "expected a, b or c")
    asked = fields.optional_text("access") or "rwm"
    if not set(asked) <= set("rwm"):
        raise fields.wrong("access", "expected letters of r, w and m")
    # Engines write -1, and also 0 beside the type `a`, for every number.
    major = _wildcard(fields.optional_integer("major", -1, _DEVICE_NUMBER))
    minor = _wildcard(fields.optional_integer("minor", -1, _DEVICE_NUMBER))
    access = "".join(letter for letter in "rwm" if letter in asked)
    if kind == "a" and (major or minor or access != "rwm"):
        # Version 1 reads nothing behind the `a`, so it would mean something else there.
        raise fields.wrong("type", "a stands for all uses of all devices; name b or c")
    return DeviceRule(
        fields.flag("allow"), kind, major if kind != "a" else None, minor if kind != "a" else None, access
    )


def _wildcard(number: int | None) -> int | None:
    return None if number == -1 else number


def _hugepages(fields: JsonFields) -> HugepageLimit:
    _refuse_unknown(fields, {"pageSize", "limit"})
    size = fields.line("pageSize")
    if not _matches(_PAGE_SIZE, size):
        raise fields.wrong("pageSize", "expected a size like 2MB")
    limit = fields.optional_integer("limit", 0, _UINT64)
    if limit is None:
        raise fields.wrong("limit", "is required")
    return HugepageLimit(size, limit)


def _unified(fields: JsonFields) -> tuple[tuple[str, str], ...]:
    entries = fields.text_map("unified") or {}
    for name, text in entries.items():
        # The files of the cgroup itself say who is in it and what its children get: that is the runtime's own matter.
        if not _matches(_UNIFIED_NAME, name) or (name.startswith("cgroup.") and not name.startswith("cgroup.max.")):
            raise fields.wrong("unified", "has a name that is no controller's file")
        if not text or "\0" in text or len(text) > 4096:
            raise fields.wrong("unified", "has a text that is empty, too long, or holds a null byte")
    return tuple(entries.items())


def _limit(fields: JsonFields, name: str) -> int | None:
    return fields.optional_integer(name, -1, _INT64) or None


def _weight(fields: JsonFields, name: str) -> int | None:
    value = fields.optional_integer(name, 0, 1000) or None
    if value is not None and value < 10:
        raise fields.wrong(name, "expected an integer from 10 to 1000")
    return value


def _list(fields: JsonFields, name: str) -> str | None:
    text = fields.optional_line(name)
    if text is not None and not _matches(_LIST, text):
        raise fields.wrong(name, "expected a list like 0-3,7")
    return text


def _refuse_unknown(fields: JsonFields, known: set[str]) -> None:
    for name in fields.names():
        if name not in known:
            raise fields.wrong(name, "is no field of the runtime specification")


def _matches(pattern: str, text: str) -> bool:
    # Only here: few containers have such fields, and all would pay for the import.
    import re

    return re.fullmatch(pattern, text) is not None
