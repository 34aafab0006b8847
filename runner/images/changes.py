"""Changes of an image's configuration, written as lines of a Dockerfile (docker's "docker image import")."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any

from runner.images.errors import ChangeInvalid

Config = dict[str, Any]
"""The part of an image's configuration that says how it is run."""

_SHELL = ["/bin/sh", "-c"]


def apply(config: Config, text: str) -> None:
    """Change the configuration as the line says.

    Raises:
        ChangeInvalid: it is no such line, or of an instruction that changes no configuration.
    """
    word, _, rest = text.strip().partition(" ")
    instruction = _INSTRUCTIONS.get(word.upper())
    if instruction is None:
        raise ChangeInvalid(text, f"{word.upper()[:20]} is none of {', '.join(_INSTRUCTIONS)}")
    if not rest.strip():
        raise ChangeInvalid(text, "it says nothing")
    try:
        instruction(config, rest.strip())
    except ValueError as error:
        raise ChangeInvalid(text, str(error)) from error


def _cmd(config: Config, rest: str) -> None:
    config["Cmd"] = _command(rest)


def _entrypoint(config: Config, rest: str) -> None:
    config["Entrypoint"] = _command(rest)


def _command(rest: str) -> list[str]:
    if not rest.startswith("["):
        return [*_SHELL, rest]
    words = json.loads(rest)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("expected an array of strings")
    return words


def _env(config: Config, rest: str) -> None:
    variables = dict(each.split("=", 1) for each in config.get("Env") or [])
    variables.update(_pairs(rest))
    config["Env"] = [f"{name}={value}" for name, value in variables.items()]


def _label(config: Config, rest: str) -> None:
    config["Labels"] = {**(config.get("Labels") or {}), **_pairs(rest)}


def _pairs(rest: str) -> dict[str, str]:
    """`NAME=value NAME="value"`, or `NAME value` for a single one."""
    words = shlex.split(rest)
    if "=" not in words[0]:
        name, _, value = rest.partition(" ")
        if not value:
            raise ValueError(f"{name} has no value")
        return {name: value.strip()}
    pairs = [word.partition("=") for word in words]
    if not all(name and equals for name, equals, _ in pairs):
        raise ValueError("expected NAME=value")
    return {name: value for name, _, value in pairs}


def _expose(config: Config, rest: str) -> None:
    ports = dict(config.get("ExposedPorts") or {})
    for word in rest.split():
        port, slash, protocol = word.partition("/")
        first, dash, last = port.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)) or (slash and protocol not in _PROTOCOLS):
            raise ValueError(f"{word} is no port")
        if not 0 < int(first) <= int(last or first) <= 65535:
            raise ValueError(f"{word} is no port")
        for number in range(int(first), int(last or first) + 1):
            ports[f"{number}/{protocol or 'tcp'}"] = {}
    config["ExposedPorts"] = ports


def _user(config: Config, rest: str) -> None:
    config["User"] = rest


def _workdir(config: Config, rest: str) -> None:
    before = str(config.get("WorkingDir") or "/")
    config["WorkingDir"] = rest if rest.startswith("/") else f"{before.rstrip('/')}/{rest}"


def _volume(config: Config, rest: str) -> None:
    paths = _command(rest) if rest.startswith("[") else rest.split()
    config["Volumes"] = {**(config.get("Volumes") or {}), **{path: {} for path in paths}}


def _stop_signal(config: Config, rest: str) -> None:
    config["StopSignal"] = rest


_PROTOCOLS = ("tcp", "udp", "sctp")
_INSTRUCTIONS: dict[str, Callable[[Config, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
