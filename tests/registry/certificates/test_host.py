from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.certificates.host import HostName

labels = st.from_regex(r"[A-Za-z]([A-Za-z0-9-]{0,20}[A-Za-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=5).map(".".join)
addresses = st.ip_addresses().filter(lambda address: not address.is_unspecified).map(str)


@given(names | addresses)
def test_what_was_read_is_read_again(text: str) -> None:
    host = HostName.parse(text)

    assert HostName.parse(str(host)) == host


@given(st.text())
def test_other_text_raises_only_its_own_error(text: str) -> None:
    try:
        host = HostName.parse(text)
    except ValueError:
        return
    assert HostName.parse(str(host)) == host


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Registry.Example.COM.", "registry.example.com"),
        ("*.example.com", "*.example.com"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("[fd00::5]", "fd00::5"),
        ("FD00:0:0::5", "fd00::5"),
        ("10.0.0.5", "10.0.0.5"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_has_one_form(text: str, read: str) -> None:
    assert str(HostName.parse(text)) == read


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expected"),
        ("registry.example.com:5000", "port"),
        ("[fd00::5]:5000", "port"),
        ("https://registry.example.com", "scheme"),
        ("0.0.0.0", "every interface"),
        ("::", "every interface"),
        ("fe80::1%eth0", "Expected"),
        ("10.0.0.256", "Expected"),
        ("10.0.0", "Expected"),
        ("bücher.example", "xn--"),
        ("my_registry", "Expected"),
        ("a..b", "Expected"),
        ("registry.*.com", "Expected"),
        ("-a.example.com", "Expected"),
        ("a" * 64, "Expected"),
        (".".join(["a" * 60] * 5), "Expected"),
        ("a b", "Expected"),
    ],
)
def test_what_no_client_could_connect_to_is_refused_with_what_to_write_instead(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        HostName.parse(text)


def test_an_address_is_known_as_one() -> None:
    assert HostName.parse("[fd00::5]").address == ip_address("fd00::5")
    assert HostName.parse("localhost").address is None
