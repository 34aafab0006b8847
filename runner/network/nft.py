"""Rules of the firewall, in the language of nft(8).

The library behind nft is asked first: to load it costs 2 ms, and a process of nft 6.
"""

from __future__ import annotations

import os

from runner import plain_ctypes as ctypes
from runner.network.errors import NetworkFirewallRefused, NetworkToolMissing

PACKAGE = "nftables"
"""Debian's package of the library and the program."""

_LIBRARY = "libnftables.so.1"
_PROGRAMS = ("/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft")


def run(rules: str) -> None:
    """Take up rules: all of them at once, or none.

    Raises:
        NetworkFirewallRefused: with nft's own words.
        NetworkToolMissing: there is neither the library nor the program.
    """
    library = _load()
    if library is not None:
        _run_in_library(library, rules)
    else:
        _run_program(_program(), rules)


def is_installed() -> bool:
    """Whether rules can be taken up."""
    return _load() is not None or any(os.access(program, os.X_OK) for program in _PROGRAMS)


def _load() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(_LIBRARY)
    except OSError:
        return None


def _run_in_library(library: ctypes.CDLL, rules: str) -> None:
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    try:
        library.nft_ctx_buffer_error(context)
        if library.nft_run_cmd_from_buffer(context, rules.encode()) != 0:
            raise _refused(library.nft_ctx_get_error_buffer(context) or b"")
    finally:
        library.nft_ctx_free(context)


def _program() -> str:
    for program in _PROGRAMS:
        if os.access(program, os.X_OK):
            return program
    raise NetworkToolMissing("nft", PACKAGE)


def _run_program(program: str, rules: str) -> None:
    # Only here: to load it takes longer than all else that a start loads.
    import subprocess

    ran = subprocess.run([program, "--file", "-"], input=rules.encode(), capture_output=True, check=False)  # noqa: S603
    if ran.returncode != 0:
        raise _refused(ran.stderr)


def _refused(said: bytes) -> NetworkFirewallRefused:
    """An error of the first thing that nft says; the rest repeats the rule and points at a place in it."""
    first = said.decode("utf-8", "backslashreplace").strip().partition("\n")[0]
    return NetworkFirewallRefused(first.rpartition("Error: ")[2] or "no reason is given")
