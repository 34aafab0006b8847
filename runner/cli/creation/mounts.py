"""`-v`, `--mount` and `--tmpfs`. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

from runner.cli.creation import paths, sizes
from runner.containers.settings import BIND, TMPFS, VOLUME, Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_ALPHANUMERIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME_SIGNS = _ALPHANUMERIC | frozenset("_.-")
_PROPAGATIONS = frozenset({"private", "rprivate", "shared", "rshared", "slave", "rslave"})
_ACCESS = frozenset({"ro", "rw"})
# Labels of SELinux, and how Docker Desktop shares files between two machines: neither is here.
_WITHOUT_EFFECT = frozenset({"z", "Z", "consistent", "cached", "delegated", "default"})
_TMPFS_FLAGS = frozenset({
    "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "sync", "async", "noatime", "atime", "nodiratime",
    "diratime", "relatime", "norelatime", "strictatime", "nostrictatime", "mand", "nomand", "remount", "dirsync",
})  # fmt: skip
_TMPFS_REFUSED = frozenset({"remount", "dirsync", "sync", "mand"})
_TMPFS_VALUES = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})
_TRUE = ("", "1", "true")
_FALSE = ("0", "false")


def volume(text: str) -> Mount:
    """`[SOURCE:]DESTINATION[:WORD,…]`, where the source is a path of the host's or a volume's name."""
    parts = text.split(":")
    if not all(parts) or len(parts) > 3:
        raise ValueError("invalid spec: expected [SOURCE:]DESTINATION[:OPTIONS]")
    if len(parts) == 1:
        return Mount(VOLUME, paths.destination(text))
    source, destination = parts[:2]
    words = parts[2].split(",") if len(parts) == 3 else []
    if len(parts) == 2 and not destination.startswith("/") and _are_modes(destination.split(",")):
        raise ValueError("invalid volume specification: a source or a destination is lacking")
    read_only = _one_of(words, _ACCESS) == "ro"
    propagation = _one_of(words, _PROPAGATIONS)
    rest = [word for word in words if word not in _ACCESS | _PROPAGATIONS | _WITHOUT_EFFECT]
    made = paths.destination(destination)
    if source.startswith(("/", ".")):
        if rest:
            raise ValueError(f"invalid mode: {rest[0]}")
        return Mount(BIND, made, paths.source(source), read_only=read_only, propagation=propagation, create_source=True)
    if propagation or rest not in ([], ["nocopy"]):
        raise ValueError(f"invalid mode: {propagation or rest[0]}")
    return Mount(VOLUME, made, volume_name(source), read_only=read_only, copy=not rest)


def volume_name(text: str) -> str:
    """A volume's name, which becomes a directory's."""
    if len(text) < 2 or text[0] not in _ALPHANUMERIC or not _NAME_SIGNS.issuperset(text) or len(text) > 255:
        raise ValueError(
            f"{text!r} includes invalid characters for a local volume name, only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
            "allowed. If you intended to pass a host directory, use absolute path"
        )
    return text


def tmpfs(text: str) -> Mount:
    """`DESTINATION[:WORD,…]`, the words being options of a tmpfs."""
    destination, _, words = text.partition(":")
    options = [word for word in words.split(",") if word]
    for word in options:
        name, equals, value = word.partition("=")
        known = name in _TMPFS_VALUES and value if equals else name in _TMPFS_FLAGS - _TMPFS_REFUSED
        if not known:
            raise ValueError(f"invalid tmpfs option {word!r}")
    return Mount(TMPFS, paths.destination(destination), options=tuple(options))


def mount(text: str) -> Mount:
    """`NAME=value,…`: type, source, destination and what the type knows."""
    fields = _fields(text)
    kind = fields.pop("type", VOLUME)
    made = {BIND: _bind, VOLUME: _volume, TMPFS: _tmpfs}.get(kind)
    if made is None:
        raise ValueError(f"mounts of type {kind!r} are not built" if kind else "type is required")
    target = fields.pop("target", "")
    if not target:
        raise ValueError("target is required")
    mount = made(fields, paths.destination(target), _truth(fields.pop("readonly", "0")))
    for name in fields:
        raise ValueError(f"unexpected key {name!r} for a mount of type {kind!r}")
    return mount


def _fields(text: str) -> dict[str, str]:
    known = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
    fields: dict[str, str] = {}
    for field in _split(text):
        name, equals, value = field.partition("=")
        name = name.lower()
        name = known.get(name, name)
        if not equals and name not in {"readonly", "volume-nocopy", "bind-nonrecursive", "bind-create-src"}:
            raise ValueError(f"invalid field {field!r} must be a key=value pair")
        fields[name] = value
    fields.pop("consistency", None)
    return fields


def _split(text: str) -> list[str]:
    """The fields between commas; one in quotation marks may hold commas (RFC 4180)."""
    fields, field, quotes = [], "", 0
    for sign in text:
        quotes += sign == '"'
        if sign == "," and quotes % 2 == 0:
            fields.append(field)
            field = ""
        else:
            field += sign
    if quotes % 2:
        raise ValueError("a quotation mark is not closed")
    return [_unquoted(field) for field in (*fields, field)]


def _unquoted(field: str) -> str:
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _bind(fields: dict[str, str], destination: str, read_only: bool) -> Mount:
    source = fields.pop("source", "")
    if not source:
        raise ValueError("field Source must not be empty")
    propagation = fields.pop("bind-propagation", "")
    if propagation and propagation not in _PROPAGATIONS:
        raise ValueError(f"invalid propagation: {propagation!r}")
    recursive = not _truth(fields.pop("bind-nonrecursive", "0"))
    if (word := fields.pop("bind-recursive", "enabled")) != "enabled":
        if word != "disabled":
            raise ValueError(f"invalid value for bind-recursive: {word!r} (expected 'enabled' or 'disabled')")
        recursive = False
    return Mount(
        BIND,
        destination,
        paths.source(source),
        read_only=read_only,
        propagation=propagation,
        recursive=recursive,
        create_source=_truth(fields.pop("bind-create-src", "0")),
    )


def _volume(fields: dict[str, str], destination: str, read_only: bool) -> Mount:
    name = fields.pop("source", "")
    copy = not _truth(fields.pop("volume-nocopy", "0"))
    return Mount(VOLUME, destination, volume_name(name) if name else "", read_only=read_only, copy=copy)


def _tmpfs(fields: dict[str, str], destination: str, read_only: bool) -> Mount:
    if fields.pop("source", ""):
        raise ValueError("cannot specify source for a mount of type 'tmpfs'")
    options = ["ro"] if read_only else []
    if (size := fields.pop("tmpfs-size", "")) and (bytes_ := sizes.size(size)):
        options.append(f"size={bytes_}")
    if mode := fields.pop("tmpfs-mode", ""):
        if mode.strip("01234567") or int(mode, 8) > 0o7777:
            raise ValueError(f"invalid value for tmpfs-mode: {mode!r}")
        options.append(f"mode={int(mode, 8):o}")
    return Mount(TMPFS, destination, options=tuple(options))


def _one_of(words: list[str], group: frozenset[str]) -> str:
    """The one word of a group that is there; empty if none is."""
    found = [word for word in words if word in group]
    if len(found) > 1:
        raise ValueError(f"invalid mode: {','.join(words)}")
    return found[0] if found else ""


def _are_modes(words: list[str]) -> bool:
    known = _ACCESS | _PROPAGATIONS | _WITHOUT_EFFECT | {"nocopy"}
    return all(word in known for word in words)


def _truth(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(f"invalid value {text!r}: expected true or false")
    return text.lower() in _TRUE


PARSERS: dict[str, Callable[[str], Mount]] = {"volume": volume, "mount": mount, "tmpfs": tmpfs}
"""By the flag's name."""
