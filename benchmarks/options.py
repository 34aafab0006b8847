"""What a run was asked to do, in the words of its environment: `QUICK=1 PEERS=zot=http://127.0.0.1:5001 make bench`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_MOST_ROUNDS: Final = 100


class OptionInvalid(ValueError):
    """A variable of the environment does not say what it should."""


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """A registry that somebody else started: what to call it, and where it listens (host:port)."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    Each workload is run so often (`rounds`), and each run of many operations takes so long (`seconds`). `only` names
    the workloads to run, those whose name holds it; empty means all. `copying` makes clients copy what they download
    out of the kernel, where they otherwise discard it.
    """

    quick: bool
    rounds: int
    seconds: float
    peers: tuple[PeerAddress, ...]
    only: str
    copying: bool

    @property
    def part(self) -> str:
        """Which part of everything is measured, in words; empty means all of it."""
        return ", ".join(["QUICK=1"] * self.quick + [f"ONLY={self.only}"] * bool(self.only))

    def wants(self, name: str) -> bool:
        """Whether the workload `name` is to be run."""
        return self.only.lower() in name.lower()


def read_options(environment: Mapping[str, str]) -> Options:
    """The options of `environment`.

    Raises:
        OptionInvalid: a value cannot be read, or a peer is not on this machine.
    """
    peers = [text for text in environment.get("PEERS", "").split(",") if text]
    quick = _flag(environment, "QUICK")
    return Options(
        quick=quick,
        rounds=_rounds(environment.get("ROUNDS", "")) or (3 if quick else 5),
        seconds=0.4 if quick else 1.5,
        peers=tuple(map(_peer, peers)),
        only=environment.get("ONLY", ""),
        copying=_flag(environment, "COPY"),
    )


def _flag(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "")
    if text not in {"", "0", "1"}:
        raise OptionInvalid(f"{name} is 1 or 0, not {text!r}")
    return text == "1"


def _rounds(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_ROUNDS):
        raise OptionInvalid(f"ROUNDS is a number from 1 to {_MOST_ROUNDS}, not {text!r}")
    return int(text)


def _peer(text: str) -> PeerAddress:
    name, separator, url = text.partition("=")
    if not separator or not name:
        raise OptionInvalid(f"PEERS holds name=http://127.0.0.1:PORT, not {text!r}")
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise OptionInvalid(f"{url!r} has no port that could be used") from error
    if parts.scheme != "http" or port is None or parts.path not in {"", "/"}:
        raise OptionInvalid(f"a peer is given as http://127.0.0.1:PORT, not {url!r}")
    return PeerAddress(name, f"{_loopback(parts.hostname or '')}:{port}")


def _loopback(host: str) -> str:
    """`host` as an address; nobody else's machine is ever put under load."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise OptionInvalid(f"{host!r} is no address of this machine") from error
    if not address.is_loopback:
        raise OptionInvalid(f"{host} is not a loopback address")
    return f"[{host}]" if address.version == 6 else host
