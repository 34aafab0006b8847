import pytest

from registry_client.credentials import Anonymous, IdentityToken, KnownCredentials, Password
from registry_client.errors import CredentialsInvalid
from registry_client.origin import Origin

ORIGIN = Origin("https", "registry.example", 443)


def test_a_name_and_a_password_are_sent_as_utf_8() -> None:
    assert Password("Zoë", "a:b c").basic() == "Basic Wm/DqzphOmIgYw=="


@pytest.mark.parametrize(("username", "password"), [("a:b", "c"), ("a\n", "c"), ("a", "c\r\nX: y"), ("a", "\0")])
def test_what_cannot_be_sent_is_refused(username: str, password: str) -> None:
    with pytest.raises(CredentialsInvalid):
        Password(username, password)


async def test_an_origin_without_credentials_is_spoken_to_as_nobody() -> None:
    known = KnownCredentials({ORIGIN: IdentityToken("t")})

    assert await known.credentials(ORIGIN) == IdentityToken("t")
    for other in (
        Origin("http", "registry.example", 443),
        Origin("https", "registry.example", 444),
        Origin("https", "example", 443),
    ):
        assert await known.credentials(other) == Anonymous()
