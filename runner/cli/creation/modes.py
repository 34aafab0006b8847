"""Whose namespaces a container has: the values of `--network`, `--pid` and the like. ValueError tells a reason."""

from __future__ import annotations

from runner.containers.settings import BRIDGE, CONTAINER, HOST, NONE, PRIVATE, SHAREABLE


def network(text: str) -> str:
    """Which network."""
    if text in {"default", ""}:
        return BRIDGE
    if text in {BRIDGE, HOST, NONE} or _is_container(text):
        return text
    raise ValueError(f"network {text} not found: there are {BRIDGE}, {HOST}, {NONE} and {CONTAINER}NAME")


def pid(text: str) -> str:
    """Whose processes are seen."""
    if text == HOST or _is_container(text):
        return text
    if text in {"", PRIVATE}:
        return PRIVATE
    raise ValueError("--pid: invalid PID mode")


def ipc(text: str) -> str:
    """Whose shared memory and queues there are."""
    if text in {HOST, NONE, SHAREABLE} or _is_container(text):
        return text
    if text in {"", PRIVATE}:
        return PRIVATE
    raise ValueError("--ipc: invalid IPC mode")


def uts(text: str) -> str:
    """Whose name the machine has."""
    if text == HOST:
        return HOST
    if text in {"", PRIVATE}:
        return PRIVATE
    raise ValueError("--uts: invalid UTS mode")


def user(text: str) -> str:
    """Whose users there are: the host's, for no container has others yet."""
    if text in {HOST, ""}:
        return HOST
    raise ValueError("--userns: invalid USER mode")


def cgroup(text: str) -> str | None:
    """Whose cgroups are seen."""
    if text in {HOST, PRIVATE}:
        return text
    if not text:
        return None
    raise ValueError("--cgroupns: invalid CGROUP mode")


def _is_container(text: str) -> bool:
    return text.startswith(CONTAINER) and len(text) > len(CONTAINER)
