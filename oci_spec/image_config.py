"""Image configurations: what an image runs, where it runs, and how it was built.

(image-spec, "OCI Image Configuration"; Docker's configurations have the same form) A configuration says how to start a
container and describes the image to people; fields that do neither are not read.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from oci_spec.descriptor import Platform, read_platform
from oci_spec.digest import Digest
from oci_spec.errors import ImageConfigInvalid
from oci_spec.json_fields import FieldInvalid, JsonFields
from oci_spec.strict_json import NotStrictJson, parse_object


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step of an image's build; `empty_layer` tells that it made no layer."""

    created: datetime | None
    created_by: str | None
    comment: str | None
    empty_layer: bool


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's configuration; what it leaves out is None or empty here.

    `command` is what Dockerfiles call CMD. `exposed_ports` have the form "port/protocol" or "port", `env` the form
    "NAME=value". `diff_ids` are the digests of the uncompressed layers, the lowest first.
    """

    platform: Platform
    created: datetime | None
    author: str | None
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    env: tuple[str, ...]
    exposed_ports: tuple[str, ...]
    labels: dict[str, str] = field(hash=False)
    user: str | None
    working_dir: str | None
    volumes: tuple[str, ...]
    stop_signal: str | None
    diff_ids: tuple[Digest, ...]
    history: tuple[HistoryEntry, ...]


def parse_image_config(content: bytes) -> ImageConfig:
    """What the image configuration with these bytes says.

    Raises:
        ImageConfigInvalid: the content is not an image configuration.
    """
    try:
        return _read_image_config(JsonFields(parse_object(content)))
    except (NotStrictJson, FieldInvalid) as error:
        raise ImageConfigInvalid(str(error)) from error


def _read_image_config(fields: JsonFields) -> ImageConfig:
    run = fields.child("config") or JsonFields({})
    rootfs = fields.child("rootfs") or JsonFields({})
    return ImageConfig(
        platform=read_platform(fields),
        created=_time(fields, "created"),
        author=fields.optional_text("author"),
        command=run.texts("Cmd"),
        entrypoint=run.texts("Entrypoint"),
        env=run.texts("Env"),
        exposed_ports=_set(run, "ExposedPorts"),
        labels=run.text_map("Labels") or {},
        user=run.optional_text("User"),
        working_dir=run.optional_text("WorkingDir"),
        volumes=_set(run, "Volumes"),
        stop_signal=run.optional_text("StopSignal"),
        diff_ids=rootfs.digests("diff_ids"),
        history=tuple(map(_read_history_entry, fields.children("history"))),
    )


def _read_history_entry(fields: JsonFields) -> HistoryEntry:
    return HistoryEntry(
        created=_time(fields, "created"),
        created_by=fields.optional_text("created_by"),
        comment=fields.optional_text("comment"),
        empty_layer=fields.flag("empty_layer"),
    )


def _set(fields: JsonFields, name: str) -> tuple[str, ...]:
    """A set of strings, which these documents write as an object with empty values."""
    members = fields.child(name)
    return () if members is None else members.names()


def _time(fields: JsonFields, name: str) -> datetime | None:
    text = fields.optional_text(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter within hours of the years 1 and 9999
        pass
    raise fields.wrong(name, "expected a date and a time with its offset, as in RFC 3339")
