import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.network.errors import PublicationInvalid
from runner.network.publications import Publication, parse


def shown(text: str) -> list[tuple[str, int]]:
    return [(str(each), each.port) for each in parse(text)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8080:80", [("0.0.0.0:8080/tcp", 80)]),
        ("8080:80/tcp", [("0.0.0.0:8080/tcp", 80)]),
        ("53:53/UDP", [("0.0.0.0:53/udp", 53)]),
        ("127.0.0.1:8080:80", [("127.0.0.1:8080/tcp", 80)]),
        ("127.0.0.1::80/udp", [("127.0.0.1:0/udp", 80)]),
        ("80", [("0.0.0.0:0/tcp", 80)]),
        ("8080-8082:80", [("0.0.0.0:8080-8082/tcp", 80)]),
        ("8080-8081:80-81", [("0.0.0.0:8080/tcp", 80), ("0.0.0.0:8081/tcp", 81)]),
        ("80-81", [("0.0.0.0:0/tcp", 80), ("0.0.0.0:0/tcp", 81)]),
        ("10.0.0.1:8080-8080:80-80", [("10.0.0.1:8080/tcp", 80)]),
    ],
)
def test_what_docker_takes_is_read(text: str, meant: list[tuple[str, int]]) -> None:
    assert shown(text) == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "ports from 1 to 65535"),
        ("0", "ports from 1 to 65535"),
        ("65536:80", "ports from 1 to 65535"),
        ("http:80", "ports from 1 to 65535"),
        ("８０", "ports from 1 to 65535"),
        ("+1:80", "ports from 1 to 65535"),
        ("8080:", "ports from 1 to 65535"),
        ("1:2:3:4", "ports from 1 to 65535"),
        ("8080:80/", "tcp or udp"),
        ("8080:80/sctp", "tcp or udp"),
        ("host:8080:80", "address of IPv4"),
        ("127.1:8080:80", "address of IPv4"),
        ("8082-8080:80", "backwards"),
        ("8080-8082:80-81", "different lengths"),
        ("8080:80-81", "different lengths"),
        ("[::1]:8080:80", "IPv6 cannot be published yet"),
    ],
)
def test_what_names_no_port_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PublicationInvalid, match=reason):
        parse(text)


@given(st.text(alphabet="0123456789:-./tcpud[]x "))
def test_nonsense_raises_only_its_own_error(text: str) -> None:
    try:
        found = parse(text)
    except PublicationInvalid:
        return
    assert all(0 < each.port <= 65535 for each in found)


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("8080:80", "8080:81", True),
        ("8080:80", "8081:80", False),
        ("8080:80", "8080:80/udp", False),
        ("127.0.0.1:8080:80", "8080:80", True),
        ("127.0.0.1:8080:80", "127.0.0.2:8080:80", False),
    ],
)
def test_two_want_the_same_if_one_packet_would_be_for_both(one: str, other: str, collide: bool) -> None:
    (first,), (second,) = parse(one), parse(other)

    assert first.collides(second) == second.collides(first) == collide


def test_a_certain_port_is_all_that_remains_of_a_range() -> None:
    certain = Publication(80, first=8080, last=8090, protocol="udp").at(8085)

    assert (str(certain), certain.port) == ("0.0.0.0:8085/udp", 80)
