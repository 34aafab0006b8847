"""From config.json to `Config`.

Properties that the specification does not know are passed over, as it asks ("Extensibility"); those that it knows and
this runtime has not built are refused by name.
"""

from __future__ import annotations

from oci_spec.json_fields import FieldInvalid, JsonFields
from runner.json_text import JsonInvalid, decode
from runner.oci.errors import BundleInvalid
from runner.oci.spec.linux_parsing import parse_id_ranges, parse_linux
from runner.oci.spec.mount_options import read_options
from runner.oci.spec.process_parsing import parse_process, plain_texts
from runner.oci.spec.values import Config, Hook, Mount, Process, Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HOOK_POINTS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_MAJOR = 1
_LONGEST_HOSTNAME = 64
_LONGEST_DOMAINNAME = 64
_TIMEOUT_S = 24 * 3600


def parse_config(text: str, bundle: str) -> Config:
    """The container that a config.json in the directory `bundle`, an absolute path, describes.

    Raises:
        BundleInvalid: it is not what the specification says, or asks for what is not built.
    """
    try:
        return _config(_fields(text), bundle)
    except FieldInvalid as error:
        raise BundleInvalid(str(error)) from error


def parse_process_text(text: str) -> Process:
    """The program that a file of the form of `process`, as `exec` takes it, describes.

    Raises:
        BundleInvalid: it is none.
    """
    return parse_process_fields(_fields(text))


def parse_process_fields(fields: JsonFields) -> Process:
    """The program that such an object describes.

    Raises:
        BundleInvalid: it does not.
    """
    try:
        return parse_process(fields)
    except FieldInvalid as error:
        raise BundleInvalid(str(error)) from error


def _fields(text: str) -> JsonFields:
    try:
        document = decode(text)
    except JsonInvalid as error:
        raise BundleInvalid(str(error)) from error
    if not isinstance(document, dict):
        raise BundleInvalid("expected an object")
    return JsonFields(document)


def _config(fields: JsonFields, bundle: str) -> Config:
    process, linux = fields.child("process"), fields.child("linux")
    if process is None:
        raise fields.wrong("process", "is required")
    config = Config(
        version=_version(fields),
        root=_root(fields, bundle),
        process=parse_process(process),
        hostname=_name(fields, "hostname", _LONGEST_HOSTNAME),
        domainname=_name(fields, "domainname", _LONGEST_DOMAINNAME),
        mounts=tuple(_mount(child, bundle) for child in fields.children("mounts")),
        hooks=_hooks(fields.child("hooks")),
        annotations=_annotations(fields),
        linux=parse_linux(linux or JsonFields({}, "linux.")),
    )
    for name, wanted in (("hostname", config.hostname), ("domainname", config.domainname)):
        if wanted and config.linux.namespace("uts") is None:
            raise fields.wrong(name, "needs a namespace of type uts")
    return config


def _version(fields: JsonFields) -> str:
    version = fields.line("ociVersion")
    core = version.partition("+")[0].partition("-")[0].split(".")
    if len(core) != 3 or not all(part.isdecimal() for part in core):
        raise fields.wrong("ociVersion", "expected a version like 1.0.2")
    if int(core[0]) != _MAJOR:
        raise fields.wrong("ociVersion", f"{version} is not one of version {_MAJOR}")
    return version


def _root(fields: JsonFields, bundle: str) -> Root:
    root = fields.child("root")
    path = root.optional_text("path") if root else None
    if root is None or path is None or "\0" in path:
        raise fields.wrong("root.path", "is required")
    return Root(path if path.startswith("/") else f"{bundle}/{path}", root.flag("readonly"))


def _name(fields: JsonFields, name: str, longest: int) -> str | None:
    text = fields.optional_line(name)
    if text is not None and len(text) > longest:
        raise fields.wrong(name, f"is longer than {longest} characters")
    return text


def _mount(fields: JsonFields, bundle: str) -> Mount:
    destination = fields.optional_text("destination") or ""
    kind = fields.optional_line("type") or ""
    source = fields.optional_text("source") or ""
    options = read_options(plain_texts(fields, "options"))
    if not destination or "\0" in destination or "\0" in source:
        raise fields.wrong("destination", "expected a path")
    for word in options.not_built:
        raise fields.wrong("options", f"{word} is not built into this runtime")
    if options.bind or kind == "bind":
        if not source:
            raise fields.wrong("source", "a bind needs one")
        source = source if source.startswith("/") else f"{bundle}/{source}"
    elif not kind:
        raise fields.wrong("type", "is required")
    # Relative destinations are deprecated, and taken from the root.
    destination = destination if destination.startswith("/") else f"/{destination}"
    uid_mappings, gid_mappings = (parse_id_ranges(fields, name) for name in ("uidMappings", "gidMappings"))
    if uid_mappings or gid_mappings:
        raise fields.wrong("uidMappings", "mappings of a mount's IDs are not built into this runtime")
    return Mount(destination, kind, source, options)


def _hooks(fields: JsonFields | None) -> Mapping[str, tuple[Hook, ...]]:
    if fields is None:
        return {}
    return {point: hooks for point in HOOK_POINTS if (hooks := tuple(map(_hook, fields.children(point))))}


def _hook(fields: JsonFields) -> Hook:
    path = fields.optional_text("path") or ""
    if not path.startswith("/") or "\0" in path:
        raise fields.wrong("path", "expected an absolute path")
    timeout_s = fields.optional_integer("timeout", 1, _TIMEOUT_S)
    return Hook(path, plain_texts(fields, "args") or (path,), plain_texts(fields, "env"), timeout_s)


def _annotations(fields: JsonFields) -> Mapping[str, str]:
    annotations = fields.text_map("annotations") or {}
    if "" in annotations:
        raise fields.wrong("annotations", "holds an empty name")
    return annotations
