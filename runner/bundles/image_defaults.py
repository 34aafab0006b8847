"""What an image's configuration says of how it is run, read without trust: whoever made the image wrote it.

Names and paths are checked for what they can do here. Labels are kept and mean nothing to the runner.
"""

from __future__ import annotations

from oci_spec.json_fields import FieldInvalid, JsonFields
from runner.bundles.errors import ImageUnusable
from runner.json_text import JsonInvalid, decode
from runner.records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class ImageDefaults(Record):
    """The part `config` of an image's configuration."""

    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    user: str | None = None
    working_directory: str | None = None
    volumes: tuple[str, ...] = ()
    stop_signal: str | None = None


def read_defaults(content: bytes) -> ImageDefaults:
    """The defaults that the image configuration with these bytes gives (image-spec, "OCI Image Configuration").

    Raises:
        ImageUnusable: it is none, or says something that no program can be given.
    """
    try:
        document = decode(content.decode("utf-8"))
        if not isinstance(document, dict):
            raise FieldInvalid("expected an object")
        return _defaults(JsonFields(document).child("config") or JsonFields({}))
    except (UnicodeDecodeError, JsonInvalid, FieldInvalid) as error:
        raise ImageUnusable(str(error)) from error


def _defaults(fields: JsonFields) -> ImageDefaults:
    defaults = ImageDefaults(
        command=fields.texts("Cmd"),
        entrypoint=fields.texts("Entrypoint"),
        environment=fields.texts("Env"),
        exposed_ports=_names(fields, "ExposedPorts"),
        labels=fields.text_map("Labels") or {},
        user=fields.optional_text("User"),
        working_directory=fields.optional_text("WorkingDir"),
        volumes=_names(fields, "Volumes"),
        stop_signal=fields.optional_text("StopSignal"),
    )
    texts = (*defaults.command, *defaults.entrypoint, *defaults.environment, *defaults.volumes)
    if any("\0" in text for text in (*texts, defaults.user or "", defaults.working_directory or "")):
        raise FieldInvalid("config: a text holds a null byte")
    if any("=" not in text[1:] for text in defaults.environment):
        raise fields.wrong("Env", "expected texts like NAME=value")
    return defaults


def _names(fields: JsonFields, name: str) -> tuple[str, ...]:
    """A set, which these documents write as an object with empty values."""
    members = fields.child(name)
    return () if members is None else members.names()
