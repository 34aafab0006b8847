"""A container's ports as lists show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.containers.records import Port


def ports_text(published: Sequence[Port], exposed: Iterable[str]) -> str:
    """Ports of the container, those of the host that lead to them before an arrow, as docker shows them.

    Neighbours with the same number on both sides are one range; those with another number come last, each by itself.

    Args:
        published: those that the host passes on.
        exposed: all that the image or the user tells of, such as `80/tcp`.
    """
    known = {(each.port, each.protocol) for each in published}
    others = [(int(number), protocol) for number, _, protocol in (each.partition("/") for each in exposed)]
    ranges: dict[tuple[str, str], list[list[int]]] = {}
    moved: list[str] = []
    listed = [(each.port, _host(each.host_address), each.host_port, each.protocol) for each in published]
    listed += [(number, "", number, protocol) for number, protocol in others if (number, protocol) not in known]
    for number, host, host_port, protocol in sorted(listed):
        if host_port != number:
            moved.append(f"{host}:{host_port}->{number}/{protocol}")
            continue
        found = ranges.setdefault((host, protocol), [])
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    whole = [_range(host, protocol, *each) for (host, protocol), found in ranges.items() for each in found]
    return ", ".join((*whole, *moved))


def _range(host: str, protocol: str, first: int, last: int) -> str:
    numbers = str(first) if first == last else f"{first}-{last}"
    return f"{host}:{numbers}->{numbers}/{protocol}" if host else f"{numbers}/{protocol}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
