import pytest

from runner.network import errors
from runner.network.errors import NetworkError

HOSTILE = "\x1b[2J\r\n\0" + "e" * 100_000

EXAMPLES: list[NetworkError] = [
    errors.PublicationInvalid(HOSTILE, "because"),
    errors.HostEntryInvalid(HOSTILE),
    errors.PortUnavailable("0.0.0.0:80/tcp", "because"),
    errors.NetworkToolMissing("nft", "nftables"),
    errors.NetworkKernelLacks("bridges", "CONFIG_BRIDGE"),
    errors.NetworkFirewallRefused(HOSTILE),
    errors.NetworkBridgeForeign("moorage0"),
    errors.NetworkSubnetTaken("because"),
    errors.NetworkFull("10.213.0.0/16"),
]


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert {type(error) for error in EXAMPLES} == set(NetworkError.__subclasses__())
    assert all(error.__name__ in str(errors.__doc__) for error in NetworkError.__subclasses__())


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_message_is_one_short_printable_line_whatever_was_read(error: NetworkError) -> None:
    message = str(error)

    assert message.isprintable()
    assert 0 < len(message) < 400
