"""Public addresses are connected to, and others only where that is allowed, however they are written."""

from __future__ import annotations

import pytest

from registry.config.values import Network
from registry.egress.addresses import is_allowed

HERE = [Network.parse("10.1.0.0/16"), Network.parse("fd00:1::/64")]


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:0808:0808::1", "64:ff9b::8.8.8.8"]
)
def test_a_public_address_is_connected_to(address: str) -> None:
    assert is_allowed(address, [])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
        "2001::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "2002:7f00:1::1",
        "64:ff9b::10.0.0.1",
    ],
)
def test_any_other_is_not(address: str) -> None:
    assert not is_allowed(address, [])


def test_what_is_not_public_may_be_allowed() -> None:
    assert is_allowed("10.1.2.3", HERE)
    assert is_allowed("::ffff:10.1.2.3", HERE)
    assert is_allowed("fd00:1::5", HERE)
    assert not is_allowed("10.2.0.1", HERE)
    assert not is_allowed("fd00:2::5", HERE)
