"""Addresses, networks and URLs: what is read, what is refused, what is shown."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.config.values import DatabaseUrl, ExternalUrl, Network, PlainText, SocketAddress

_PARSED = (SocketAddress, Network, ExternalUrl, DatabaseUrl, PlainText)
_NEAR_MISSES = st.text("[]:/@.?#%0123456789abcdefpostgrqlihtx\0é ", max_size=40)


@given(kind=st.sampled_from(_PARSED), text=st.one_of(st.text(), _NEAR_MISSES))
def test_malformed_text_raises_only_a_value_error(kind: type[SocketAddress], text: str) -> None:
    with contextlib.suppress(ValueError):
        kind.parse(text)


@given(host=st.one_of(st.ip_addresses().map(str), st.just("localhost")), port=st.integers(0, 65535))
def test_an_address_reads_back_what_it_shows(host: str, port: int) -> None:
    address = SocketAddress(host, port)

    assert SocketAddress.parse(str(address)) == address


@pytest.mark.parametrize("text", ["https://registry.example.com", "http://h:5000/path", "https://[::1]:5000/a/b"])
def test_an_external_url_reads_back_what_it_shows(text: str) -> None:
    assert str(ExternalUrl.parse(text)) == text
    assert ExternalUrl.parse(f"{text}/") == ExternalUrl.parse(text)


def test_a_network_knows_its_addresses_and_takes_mapped_ones_for_ipv4() -> None:
    network = Network.parse("10.0.0.0/8")

    assert "10.255.0.1" in network
    assert "::ffff:10.0.0.1" in network
    assert "11.0.0.1" not in network
    assert "::1" not in network
    assert "not an address" not in network


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://u:pw@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/run/postgresql&password=pw", "postgresql:///d?host=/run/postgresql&password=***"),
        ("postgresql://u:p@w@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"),
        ("sqlite:////data/registry.db", "sqlite:////data/registry.db"),
    ],
)
def test_a_database_url_hides_its_password_from_people(url: str, masked: str) -> None:
    parsed = DatabaseUrl.parse(url)

    assert parsed.masked == masked
    assert repr(parsed) == f"DatabaseUrl({masked!r})"
    assert str(parsed) == url


@given(
    text=st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=255
    )
)
def test_a_plain_text_reads_back_what_it_shows(text: str) -> None:
    assert str(PlainText.parse(text)) == text


@pytest.mark.parametrize("text", ["", " ", " a", "a ", 'a"b', "a\\b", "a\nb", "a\n", "é", "a" * 256])
def test_a_plain_text_can_be_quoted_in_a_header(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        PlainText.parse(text)
