"""A container's ports in lists, as docker 28 shows them."""

from runner.cli.port_listing import ports_text
from runner.containers.records import Port

ANY = "0.0.0.0"


def test_neighbours_are_one_range_and_ports_with_another_number_come_last() -> None:
    published = [
        Port(80, "tcp", "127.0.0.1", 8080),
        Port(90, "udp", ANY, 90),
        *(Port(number, "tcp", ANY, number) for number in (7002, 7000, 7001, 7005)),
        Port(7000, "tcp", "::1", 7000),
    ]

    shown = ports_text(published, ["80/tcp", "70/tcp", "71/tcp", "7000/tcp"])

    assert shown.split(", ") == [
        "70-71/tcp",
        f"{ANY}:90->90/udp",
        f"{ANY}:7000-7002->7000-7002/tcp",
        f"{ANY}:7005->7005/tcp",
        "[::1]:7000->7000/tcp",
        "127.0.0.1:8080->80/tcp",
    ]


def test_who_has_none_shows_none() -> None:
    assert ports_text([], []) == ""
