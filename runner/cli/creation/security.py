"""`--security-opt`, `--cap-add` and `--cap-drop`. What is wrong raises ValueError, with the reason."""

from __future__ import annotations

import os

from runner.containers.settings import UNCONFINED, Security
from runner.json_text import JsonInvalid, decode
from runner.oci.spec.capability_names import NUMBERS

ALL = "ALL"

_LARGEST_PROFILE = 4 * 1024 * 1024
_OWN_PROFILE = "builtin"


def capability(text: str) -> str:
    """A capability as `CAP_CHOWN`, or `ALL`; small letters do, and the beginning may lack."""
    name = text.upper()
    if name in {ALL, f"CAP_{ALL}"}:
        return ALL
    name = f"CAP_{name.removeprefix('CAP_')}"
    if name not in NUMBERS:
        raise ValueError(f"invalid capability: {text!r}")
    return name


def apply(security: Security, text: str) -> Security:
    """What a `--security-opt` makes of it; a profile is read from its file here."""
    name, colon, value = text.partition("=" if "=" in text else ":")
    if name == "no-new-privileges":
        if colon and value not in {"true", "false"}:
            raise ValueError(f"invalid --security-opt: {text!r}")
        return security._replace(no_new_privileges=value != "false")
    if name == "seccomp" and value:
        return security._replace(seccomp=_profile(value))
    if (name, value) == ("systempaths", UNCONFINED):
        return security._replace(unmasked=True)
    if (name, value) in {("apparmor", UNCONFINED), ("label", "disable")}:
        # So it is anyway.
        return security
    if name in {"apparmor", "label", "writable-cgroups"}:
        raise ValueError(f"{name} is not built")
    raise ValueError(f"invalid --security-opt: {text!r}")


def _profile(value: str) -> str | None:
    if value == UNCONFINED:
        return UNCONFINED
    if value == _OWN_PROFILE:
        return None
    try:
        with os.fdopen(os.open(value, os.O_RDONLY | os.O_CLOEXEC), encoding="utf-8") as file:
            text = file.read(_LARGEST_PROFILE + 1)
        if len(text) > _LARGEST_PROFILE:
            raise ValueError(f"larger than {_LARGEST_PROFILE} bytes")
        if not isinstance(decode(text), dict):
            raise ValueError("expected an object")
    except OSError as error:
        raise ValueError(f"opening seccomp profile ({value}) failed: {error.strerror}") from error
    except (JsonInvalid, ValueError) as error:
        raise ValueError(f"reading seccomp profile ({value}) failed: {error}") from error
    return text
