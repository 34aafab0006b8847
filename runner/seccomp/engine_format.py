"""Profiles as container engines write them: what Docker and podman read from a file, and what `default` is.

Beyond the runtime specification's `linux.seccomp`, a rule can hold only with or without some capabilities, on some
machines, or from some version of the kernel on, and the architectures are chosen by machine. `resolve` decides that.
"""

from __future__ import annotations

import errno

from oci_spec.quoting import quoted
from runner.seccomp.errors import SeccompProfileInvalid
from runner.seccomp.profile import array_of, object_of

# The specification's name of a machine, and what Go, in which engines are written, calls it.
_MACHINES = {"x86_64": ("SCMP_ARCH_X86_64", "amd64"), "aarch64": ("SCMP_ARCH_AARCH64", "arm64")}

_KEPT = ("defaultAction", "defaultErrnoRet", "flags", "listenerPath", "listenerMetadata")
_PROFILE_FIELDS = frozenset({*_KEPT, "defaultErrno", "architectures", "archMap", "syscalls"})
_RULE_FIELDS = frozenset({
    "name", "names", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes",
})  # fmt: skip
_SELECTOR_FIELDS = frozenset({"caps", "arches", "minKernel"})


def resolve(document: object, capabilities: frozenset[str], machine: str, kernel: str) -> dict[str, object]:
    """The `linux.seccomp` that an engine's profile means for one container.

    A document that is one already stays as it is, so that either can be given.

    Args:
        document: as `json.loads` gives it.
        capabilities: those that the container can have: its bounding set.
        machine: which `os.uname().machine` names.
        kernel: which `os.uname().release` names.

    Raises:
        SeccompProfileInvalid: it is no such profile. What the specification describes is looked at when it is compiled.
    """
    fields = object_of(document, "seccomp", _PROFILE_FIELDS)
    resolved = {name: fields[name] for name in _KEPT if fields.get(name) is not None}
    if (number := _error_number(fields, "defaultErrno", "seccomp")) is not None:
        resolved["defaultErrnoRet"] = number
    resolved["architectures"] = _architectures(fields, machine)
    resolved["syscalls"] = [
        rule
        for index, value in enumerate(array_of(fields, "syscalls", "seccomp"))
        if (rule := _rule(value, f"seccomp.syscalls[{index}]", (capabilities, machine, kernel))) is not None
    ]
    return resolved


def _rule(value: object, place: str, container: tuple[frozenset[str], str, str]) -> dict[str, object] | None:
    """A rule of the specification, or None for one that does not hold for this container."""
    fields = object_of(value, place, _RULE_FIELDS)
    included = _matches(fields, "includes", place, container)
    excluded = _matches(fields, "excludes", place, container)
    if not all(included) or any(excluded):
        return None
    names = [fields["name"]] if fields.get("name") else array_of(fields, "names", place)
    rule: dict[str, object] = {"names": names, "action": fields.get("action")}
    named = _error_number(fields, "errno", place)
    number = fields.get("errnoRet") if named is None else named
    # Engines write a number, which then means nothing, beside actions that take none.
    if number is not None and fields.get("action") in {"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"}:
        rule["errnoRet"] = number
    if conditions := array_of(fields, "args", place):
        rule["args"] = conditions
    return rule


def _matches(
    fields: dict[str, object], name: str, place: str, container: tuple[frozenset[str], str, str]
) -> list[bool]:
    """Whether each of the conditions of a selector holds."""
    capabilities, machine, kernel = container
    place = f"{place}.{name}"
    selector = object_of(fields.get(name) or {}, place, _SELECTOR_FIELDS)
    matches = []
    if wanted := array_of(selector, "caps", place):
        # Of `includes`, all are needed; of `excludes`, one is enough.
        held = [capability in capabilities for capability in wanted]
        matches.append(all(held) if name == "includes" else any(held))
    if arches := array_of(selector, "arches", place):
        matches.append(_MACHINES.get(machine, ("", machine))[1] in arches)
    if minimum := selector.get("minKernel"):
        matches.append(_version(kernel) >= _version(minimum, f"{place}.minKernel"))
    return matches


def _architectures(fields: dict[str, object], machine: str) -> list[object]:
    listed = list(array_of(fields, "architectures", "seccomp"))
    native = _MACHINES.get(machine, ("", ""))[0]
    for index, value in enumerate(array_of(fields, "archMap", "seccomp")):
        place = f"seccomp.archMap[{index}]"
        entry = object_of(value, place, frozenset({"architecture", "subArchitectures"}))
        if entry.get("architecture") == native:
            return [native, *array_of(entry, "subArchitectures", place)]
    return listed


def _error_number(fields: dict[str, object], name: str, place: str) -> int | None:
    """The number of an error that podman's profiles give by its name, beside or instead of the number."""
    text = fields.get(name)
    if text is None or text == "":
        return None
    number = getattr(errno, text, None) if isinstance(text, str) and text.startswith("E") else None
    if not isinstance(number, int):
        raise SeccompProfileInvalid(f"{place}.{name}", f"{quoted(str(text))} is no error's name")
    return number


def _version(value: object, place: str = "") -> tuple[int, int]:
    """The first two numbers of a kernel's version, which may go on as it likes."""
    numbers = str(value).split("-")[0].split(".") if isinstance(value, str) else []
    if len(numbers) < 2 or not all(number.isdecimal() for number in numbers[:2]):
        raise SeccompProfileInvalid(place, "expected a version of the form 4.8")
    return int(numbers[0]), int(numbers[1])
