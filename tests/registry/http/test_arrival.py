"""Whom the registry believes how a request came to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from registry.config.values import Network
from registry.http.arrival import Arrival, traced_back

PROXY = "10.0.0.1"
OUTER = "10.0.0.2"
TRUSTED = (Network.parse("10.0.0.0/8"), Network.parse("fd00::/8"))


def told(*headers: tuple[str, str], remote: str = PROXY, host: str = "registry:5000", scheme: str = "http") -> Arrival:
    """How a request with these headers began, which came from `remote` to this host."""
    return traced_back(Arrival(remote, scheme, host), CIMultiDictProxy(CIMultiDict(headers)), TRUSTED)


def test_a_proxy_tells_who_asked_it_and_how() -> None:
    headers = (
        ("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "images.example:8443")
    )  # fmt: skip

    assert told(*headers) == ("192.0.2.7", "https", "images.example:8443")
    assert told(("Forwarded", 'for=192.0.2.7;proto=https;host="images.example:8443"')) == told(*headers)


@pytest.mark.parametrize("remote", ["192.0.2.9", "fe80::1", ""])
def test_whoever_is_no_trusted_proxy_is_not_believed(remote: str) -> None:
    spoofed = (("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"))

    assert told(*spoofed, remote=remote) == (remote, "http", "registry:5000")
    assert told(("Forwarded", "for=6.6.6.6;proto=https;host=evil.example"), remote=remote, scheme="https") == (
        remote, "https", "registry:5000"
    )  # fmt: skip


def test_what_a_client_began_the_headers_with_does_not_count() -> None:
    assert told(
        ("X-Forwarded-For", "6.6.6.6, 192.0.2.7"),
        ("X-Forwarded-Proto", "http, https"),
        ("X-Forwarded-Host", "evil.example, images.example"),
    ) == ("192.0.2.7", "https", "images.example")
    assert told(("Forwarded", "for=6.6.6.6;proto=http"), ("Forwarded", "for=192.0.2.7;proto=https")) == (
        "192.0.2.7", "https", "registry:5000"
    )  # fmt: skip


def test_what_a_client_says_in_the_header_that_its_proxy_does_not_write_does_not_count() -> None:
    assert told(
        ("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=6.6.6.6;proto=https;host=evil.example")
    ) == ("192.0.2.7", "http", "registry:5000")  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        # Each notes everything.
        [("X-Forwarded-For", f"192.0.2.7, {OUTER}"), ("X-Forwarded-Proto", "https, http"),
         ("X-Forwarded-Host", "images.example, inner")],
        # The inner one leaves to the outer one what is said once.
        [("X-Forwarded-For", f"192.0.2.7, {OUTER}"), ("X-Forwarded-Proto", "https"),
         ("X-Forwarded-Host", "images.example")],
        [("Forwarded", f"for=192.0.2.7;proto=https;host=images.example, for={OUTER};proto=http;host=inner")],
        [("Forwarded", "for=192.0.2.7;proto=https;host=images.example"), ("Forwarded", f"for={OUTER}:4000")],
    ],
)  # fmt: skip
def test_behind_several_proxies_the_outermost_trusted_one_counts(headers: Sequence[tuple[str, str]]) -> None:
    assert told(*headers) == ("192.0.2.7", "https", "images.example")


def test_a_client_inside_the_trusted_network_is_the_last_that_is_known() -> None:
    assert told(("X-Forwarded-For", "10.9.9.9, 10.0.0.2")).address == "10.9.9.9"


@pytest.mark.parametrize("node", ["unknown", "_hidden", "", "192.0.2", "nobody.example", '"', "a=b", "1.2.3.4.5"])
def test_who_is_not_named_by_an_address_is_not_made_up(node: str) -> None:
    assert told(("X-Forwarded-For", node)).address == PROXY
    assert told(("Forwarded", f"for={node};proto=https")).address == PROXY


@pytest.mark.parametrize(
    ("node", "address"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ('"192.0.2.7:4711"', "192.0.2.7"),
        ('"[2001:DB8::7]"', "2001:db8::7"),
        ('"[2001:db8::7]:4711"', "2001:db8::7"),
        (r'"192\.0.2.7"', "192.0.2.7"),
    ],
)
def test_an_address_comes_without_port_and_brackets(node: str, address: str) -> None:
    assert told(("Forwarded", f"for={node}")).address == address
    assert told(("X-Forwarded-For", node.replace('"', "").replace("\\", ""))).address == address


@pytest.mark.parametrize("host", ["a b", "evil/..", 'a"', "a,b", "a:b", "x" * 256, "a\u00e9", "user@host", "[::1"])
def test_what_is_no_host_is_not_taken_for_one(host: str) -> None:
    assert told(("X-Forwarded-Host", host)).host == ("registry:5000" if "," not in host else "b")


@pytest.mark.parametrize("scheme", ["ftp", "javascript", "", "https://"])
def test_what_is_no_scheme_is_not_taken_for_one(scheme: str) -> None:
    assert told(("X-Forwarded-Proto", scheme), scheme="https").scheme == "https"


def test_forwarded_is_read_whatever_the_case_and_the_space() -> None:
    assert told(("Forwarded", ' ;FOR="192.0.2.7" ; Proto=HTTPS;; by=_x,')) == ("192.0.2.7", "https", "registry:5000")
    assert told(("Forwarded", ' ;FOR="192.0.2.7" ; Proto=HTTPS;; by=_x')) == ("192.0.2.7", "https", "registry:5000")


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
CLIENTS = ADDRESSES.filter(lambda text: not any(text in network for network in TRUSTED))
PROXIES = st.one_of(st.ip_addresses(v=4, network="10.0.0.0/8"), st.ip_addresses(v=6, network="fd00::/8")).map(str)
SCHEMES = st.sampled_from(["http", "https"])
HOSTS = st.from_regex(r"[a-z0-9.-]{1,20}(:[0-9]{1,5})?", fullmatch=True)
GARBAGE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(began=GARBAGE, client=CLIENTS, proxies=st.lists(PROXIES, max_size=3), scheme=SCHEMES, host=HOSTS)
def test_however_a_client_begins_forwarded_what_proxies_wrote_is_read(
    began: str, client: str, proxies: Iterable[str], scheme: str, host: str
) -> None:
    written = [f'for="{node(client)}";proto={scheme};host="{host}"', *(f'for="{node(proxy)}"' for proxy in proxies)]

    assert told(("Forwarded", ", ".join([began, *written]))) == (client, scheme, host)
    assert told(("Forwarded", began), *(("Forwarded", element) for element in written)) == (client, scheme, host)


@given(began=GARBAGE, client=CLIENTS, proxies=st.lists(PROXIES, max_size=3), scheme=SCHEMES, host=HOSTS)
def test_however_a_client_begins_the_x_headers_what_proxies_wrote_is_read(
    began: str, client: str, proxies: Sequence[str], scheme: str, host: str
) -> None:
    headers = {
        "X-Forwarded-For": [began, client, *proxies],
        "X-Forwarded-Proto": [began, scheme, *("http" for _ in proxies)],
        "X-Forwarded-Host": [began, host, *("inner" for _ in proxies)],
    }

    assert told(*((name, ", ".join(values)) for name, values in headers.items())) == (client, scheme, host)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255)))
def test_no_text_breaks_the_reader(text: str) -> None:
    for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"):
        address, scheme, host = told((name, text))

        assert str(ip_address(address)) == address
        assert scheme in ("http", "https")
        assert host


@pytest.mark.parametrize("part", ["; ", "a=;", 'a=";', '",', "a=b;", " ,", '\\"', "for=10.0.0.1,"])
def test_a_long_header_is_read_in_time(part: str) -> None:
    """What would take for ever runs into the test's own time limit."""
    told(("Forwarded", part * 8000))
    told(("Forwarded", part * 8000 + "\x7f"))


def node(address: str) -> str:
    return f"[{address}]:4711" if ":" in address else address
