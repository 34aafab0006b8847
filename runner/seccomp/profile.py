"""The filter of system calls that a container's configuration asks for (runtime-spec, "Linux Seccomp").

A container's start loads this module: it imports nothing but the errors.
"""

from __future__ import annotations

from oci_spec.quoting import quoted
from runner.seccomp.errors import SeccompProfileInvalid, SeccompUnsupported

# linux/seccomp.h: the upper half of what a filter returns is the action, the lower half its data.
KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
ERRNO = 0x00050000
TRACE = 0x7FF00000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000

EPERM = 1
MAX_ERRNO = 4095
"""The highest error number: above it, the kernel answers with this one (seccomp(2), SECCOMP_RET_ERRNO)."""

ARGUMENTS = 6
"""How many arguments a system call has."""

OPERATORS = ("EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ")
"""Comparisons, as the specification calls them after `SCMP_CMP_`."""

FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1 << 0,
    "SECCOMP_FILTER_FLAG_LOG": 1 << 1,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 1 << 2,
}
"""The flags that a filter can be loaded with, and seccomp(2)'s bits for them."""

_ACTIONS = {
    "SCMP_ACT_KILL": KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
    "SCMP_ACT_KILL_THREAD": KILL_THREAD,
    "SCMP_ACT_TRAP": TRAP,
    "SCMP_ACT_ERRNO": ERRNO,
    "SCMP_ACT_TRACE": TRACE,
    "SCMP_ACT_LOG": LOG,
    "SCMP_ACT_ALLOW": ALLOW,
}
_OPERATOR_PREFIX = "SCMP_CMP_"
_OPERATORS = tuple(f"{_OPERATOR_PREFIX}{operator}" for operator in OPERATORS)
_PROFILE_FIELDS = frozenset({
    "defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls",
})  # fmt: skip
_RULE_FIELDS = frozenset({"names", "action", "errnoRet", "args"})
_CONDITION_FIELDS = frozenset({"index", "value", "valueTwo", "op"})
_NOTIFYING = ("SCMP_ACT_NOTIFY", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")


class Condition:
    """A comparison of one argument, as unsigned numbers of 64 bits."""

    __slots__ = ("index", "operator", "value", "value_two")

    def __init__(self, index: int, operator: str, value: int, value_two: int = 0) -> None:
        self.index = index
        self.operator = operator
        self.value = value
        """What is compared with; the mask of MASKED_EQ."""
        self.value_two = value_two
        """What a masked argument has to be, within the mask; means nothing to the other operators."""


class Rule:
    """What happens to the system calls of some names when all conditions hold."""

    __slots__ = ("action", "conditions", "names")

    def __init__(self, names: tuple[str, ...], action: int, conditions: tuple[Condition, ...] = ()) -> None:
        self.names = names
        self.action = action
        """What the filter returns: an action with its data."""
        self.conditions = conditions


class SeccompProfile:
    """The filter that `linux.seccomp` describes."""

    __slots__ = ("architectures", "default_action", "flags", "rules")

    def __init__(
        self, default_action: int, rules: tuple[Rule, ...], architectures: tuple[str, ...] = (), *, flags: int = 0
    ) -> None:
        self.default_action = default_action
        self.rules = rules
        self.architectures = architectures
        """As the specification calls them after `SCMP_ARCH_`; the machine's own one need not be among them."""
        self.flags = flags
        """seccomp(2)'s bits."""

    @classmethod
    def parse(cls, document: object) -> SeccompProfile:
        """The profile that the `linux.seccomp` of a configuration holds, as `json.loads` gives it.

        Raises:
            SeccompProfileInvalid: it is not what the specification says.
            SeccompUnsupported: it asks for an agent that decides (listenerPath, SCMP_ACT_NOTIFY), or an unknown flag.
        """
        fields = object_of(document, "seccomp", _PROFILE_FIELDS)
        for name in ("listenerPath", "listenerMetadata"):
            if fields.get(name):
                raise SeccompUnsupported(name)
        return cls(
            _action(fields, "defaultAction", "defaultErrnoRet", "seccomp"),
            tuple(
                rule
                for index, value in enumerate(array_of(fields, "syscalls", "seccomp"))
                for rule in _rules(value, f"seccomp.syscalls[{index}]")
            ),
            tuple(name.removeprefix("SCMP_ARCH_") for name in _texts(fields, "architectures", "seccomp", "SCMP_ARCH_")),
            flags=_flags(fields),
        )


def object_of(value: object, place: str, known: frozenset[str]) -> dict[str, object]:
    """The fields of the object that stands at `place`.

    Raises:
        SeccompProfileInvalid: it is none, or has a field that is not `known`.
    """
    if not isinstance(value, dict):
        raise SeccompProfileInvalid(place, "expected an object")
    for name in value:
        # A word that is not understood may be the one that makes the filter strict.
        if name not in known:
            raise SeccompProfileInvalid(place, f"{quoted(str(name))} is no field of it")
    return value


def array_of(fields: dict[str, object], name: str, place: str) -> list[object]:
    """What the array `name` holds, nothing where it is not there.

    Raises:
        SeccompProfileInvalid: it is no array.
    """
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise SeccompProfileInvalid(f"{place}.{name}", "expected an array")
    return value


def _rules(value: object, place: str) -> list[Rule]:
    fields = object_of(value, place, _RULE_FIELDS)
    names = _texts(fields, "names", place)
    if not names:
        raise SeccompProfileInvalid(f"{place}.names", "expected at least one name")
    action = _action(fields, "action", "errnoRet", place)
    conditions = tuple(
        _condition(each, f"{place}.args[{index}]") for index, each in enumerate(array_of(fields, "args", place))
    )
    # Two conditions on one argument are alternatives, and so are then all of the rule: what runc does, and profiles
    # written for it mean.
    if len({condition.index for condition in conditions}) < len(conditions):
        return [Rule(names, action, (condition,)) for condition in conditions]
    return [Rule(names, action, conditions)]


def _condition(value: object, place: str) -> Condition:
    fields = object_of(value, place, _CONDITION_FIELDS)
    operator = fields.get("op")
    if not isinstance(operator, str) or operator not in _OPERATORS:
        raise SeccompProfileInvalid(f"{place}.op", f"expected one of {', '.join(_OPERATORS)}")
    return Condition(
        _number(fields, "index", place, ARGUMENTS - 1),
        operator.removeprefix(_OPERATOR_PREFIX),
        _number(fields, "value", place, 2**64 - 1),
        _number(fields, "valueTwo", place, 2**64 - 1) if fields.get("valueTwo") is not None else 0,
    )


def _action(fields: dict[str, object], name: str, number_name: str, place: str) -> int:
    text = fields.get(name)
    if text in _NOTIFYING:
        raise SeccompUnsupported(str(text))
    action = _ACTIONS.get(text) if isinstance(text, str) else None
    if action is None:
        raise SeccompProfileInvalid(f"{place}.{name}", f"expected one of {', '.join(_ACTIONS)}")
    given = fields.get(number_name) is not None
    if action in {ERRNO, TRACE}:
        return action | (_number(fields, number_name, place, MAX_ERRNO) if given else EPERM)
    if given:
        raise SeccompProfileInvalid(f"{place}.{number_name}", f"{text} takes no error number")
    return action


def _flags(fields: dict[str, object]) -> int:
    bits = 0
    for name in _texts(fields, "flags", "seccomp"):
        if name not in FLAGS:
            raise SeccompUnsupported(name)
        bits |= FLAGS[name]
    return bits


def _texts(fields: dict[str, object], name: str, place: str, prefix: str = "") -> tuple[str, ...]:
    texts = []
    for value in array_of(fields, name, place):
        if not isinstance(value, str) or not value.startswith(prefix) or value == prefix:
            raise SeccompProfileInvalid(f"{place}.{name}", f"expected strings of the form {prefix}NAME")
        texts.append(value)
    return tuple(texts)


def _number(fields: dict[str, object], name: str, place: str, highest: int) -> int:
    value = fields.get(name)
    # Not isinstance: true and false are integers to Python.
    if type(value) is not int or not 0 <= value <= highest:
        raise SeccompProfileInvalid(f"{place}.{name}", f"expected an integer from 0 to {highest}")
    return value
