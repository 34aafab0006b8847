import pytest

from runner.network.errors import HostEntryInvalid
from runner.network.files import (
    HOST_FILE,
    RESOLVED_FILE,
    Resolution,
    host_resolution_file,
    hostname_file,
    hosts,
    parse_added_host,
    resolv_conf,
)

HOSTS = """\
# made by something
domain old.example
nameserver 127.0.0.53
nameserver 192.0.2.53
nameserver ::1
nameserver fd00::53
nameserver fe80::1%eth0
; nameserver 192.0.2.99
search one.example two.example
options ndots:2
options edns0 trust-ad
"""


def test_the_hosts_servers_are_asked_but_not_those_on_its_loopback() -> None:
    assert resolv_conf(HOSTS, Resolution()) == (
        "nameserver 192.0.2.53\nnameserver fd00::53\nnameserver fe80::1%eth0\n"
        "search one.example two.example\noptions ndots:2 edns0 trust-ad\n"
    )


def test_what_the_user_says_stands_instead_of_the_hosts() -> None:
    wanted = Resolution(servers=("127.0.0.1", "9.9.9.9"), search=("here.example",), options=("timeout:1",))

    assert resolv_conf(HOSTS, wanted) == (
        "nameserver 127.0.0.1\nnameserver 9.9.9.9\nsearch here.example\noptions timeout:1\n"
    )


def test_a_dot_alone_stands_for_no_domain() -> None:
    assert "search" not in resolv_conf(HOSTS, Resolution(search=(".",)))


def test_no_strangers_server_is_put_in() -> None:
    assert resolv_conf("nameserver 127.0.0.1\n", Resolution()) == ""


def test_the_servers_of_resolved_stand_in_its_own_file() -> None:
    assert host_resolution_file("nameserver 127.0.0.53\noptions edns0\n") == RESOLVED_FILE
    assert host_resolution_file("nameserver 127.0.0.53\nnameserver 192.0.2.53\n") == HOST_FILE
    assert host_resolution_file("") == HOST_FILE


def test_a_container_finds_itself_and_whom_its_user_adds() -> None:
    lines = hosts("web.example", ("10.213.0.2",), (("db", "10.0.0.5"),)).splitlines()

    assert lines[0] == "127.0.0.1\tlocalhost"
    assert lines[-2:] == ["10.0.0.5\tdb", "10.213.0.2\tweb.example web"]


def test_without_an_address_a_container_is_on_its_loopback() -> None:
    assert hosts("web", ()).splitlines()[-1] == "127.0.0.1\tweb"


def test_the_hostname_is_a_line() -> None:
    assert hostname_file("web") == "web\n"


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("db:10.0.0.5", ("db", "10.0.0.5")),
        ("db=10.0.0.5", ("db", "10.0.0.5")),
        ("db:fd00::5", ("db", "fd00::5")),
        ("db=[fd00::5]", ("db", "fd00::5")),
        ("db:host-gateway", ("db", "10.213.0.1")),
    ],
)
def test_an_added_host_is_read(text: str, entry: tuple[str, str]) -> None:
    assert parse_added_host(text, gateway="10.213.0.1") == entry


@pytest.mark.parametrize("text", ["", "db", "db:", ":10.0.0.5", "db:here", "a b:10.0.0.5", "db\n1.1.1.1 x:10.0.0.5"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(HostEntryInvalid):
        parse_added_host(text)


def test_the_gateway_is_no_address_where_there_is_none() -> None:
    with pytest.raises(HostEntryInvalid):
        parse_added_host("db:host-gateway")
