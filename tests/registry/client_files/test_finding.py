"""What the configuration says of how clients reach the registry."""

from pathlib import Path

import pytest

from registry.certificates import files, folder
from registry.certificates.errors import Unreadable
from registry.certificates.folder import Folder
from registry.certificates.host import HostName
from registry.client_files import finding
from registry.client_files.finding import AddressUnknown
from registry.config import Config, read

HOSTS = ("registry.example.com", "*.example.com", "fd00::5", "localhost", "127.0.0.1")


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "tls")
    folder.init(made, [HostName.parse(host) for host in HOSTS], 10)
    return made


def configured(place: Folder | None = None, **settings: str) -> Config:
    flags = {name.replace("__", "."): value for name, value in settings.items()}
    if place is not None:
        flags |= {"tls.certificate": str(place.server.certificate), "tls.key": str(place.server.key)}
    return read(environment={}, flags=flags).config


def addresses(config: Config) -> list[str]:
    return list(map(str, finding.addresses(config)))


def test_an_external_url_says_all() -> None:
    config = configured(server__external_url="https://example.com:8443", server__listen="0.0.0.0:5000")

    assert addresses(config) == ["https://example.com:8443"]


def test_the_certificates_names_are_those_that_others_can_use(place: Folder) -> None:
    config = configured(place, server__listen="0.0.0.0:5000")

    assert addresses(config) == ["https://registry.example.com:5000", "https://[fd00::5]:5000"]


def test_a_certificate_for_this_machine_alone_is_taken_as_it_is(tmp_path: Path) -> None:
    local = Folder(tmp_path / "local")
    folder.init(local, [HostName.parse("localhost")], 10)

    assert addresses(configured(local)) == ["https://localhost:5000"]


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ("127.0.0.1:5000", "http://localhost:5000"),
        ("10.0.0.5:5000", "http://10.0.0.5:5000"),
        ("[fd00::5]:80", "http://[fd00::5]"),
        ("registry:80", "http://registry"),
    ],
)
def test_without_either_it_is_where_the_registry_listens(listen: str, expected: str) -> None:
    assert addresses(configured(server__listen=listen)) == [expected]


@pytest.mark.parametrize("listen", ["0.0.0.0:5000", "[::]:5000", "127.0.0.1:0"])
def test_an_address_that_no_client_can_use_is_none(listen: str) -> None:
    with pytest.raises(AddressUnknown, match="--host"):
        finding.addresses(configured(server__listen=listen))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.example.com", "https://registry.example.com:5000"),
        ("registry.example.com:443", "https://registry.example.com:443"),
        ("fd00::5", "https://[fd00::5]:5000"),
        ("[fd00::5]:7000", "https://[fd00::5]:7000"),
        ("http://registry.example.com", "http://registry.example.com"),
        ("https://example.com/images/", "https://example.com/images"),
    ],
)
def test_what_a_name_does_not_say_is_as_configured(place: Folder, text: str, expected: str) -> None:
    assert str(finding.address(text, configured(place))) == expected


def test_a_name_beside_an_external_url_is_one_more_way_to_the_same_proxy() -> None:
    config = configured(server__external_url="https://example.com:8443/images")

    assert str(finding.address("other.example.com", config)) == "https://other.example.com:8443/images"


@pytest.mark.parametrize("text", ["", "..", "a/b", "https://../x", "a b:5000", "https://user@a", "a:b"])
def test_what_would_lead_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Expected"):
        finding.address(text, configured())


def test_the_authority_beside_the_certificate_vouches_if_it_signed_it(place: Folder, tmp_path: Path) -> None:
    authority = place.authority.certificate.read_text()

    assert finding.vouched(configured(place)).text == authority

    other = Folder(tmp_path / "other")
    folder.init(other, [HostName.parse("registry.example.com")], 10)
    other.authority.certificate.write_text(authority)
    found = finding.vouched(configured(other))
    assert found.text is None
    assert "Moorage authority" in str(found.issuer)


def test_a_certificate_file_with_its_authority_needs_no_file_beside_it(place: Folder) -> None:
    authority = place.authority.certificate.read_text()
    place.server.certificate.write_text(place.server.certificate.read_text() + authority)
    place.authority.certificate.unlink()

    assert finding.vouched(configured(place)).text == authority


def test_nothing_is_known_of_a_proxys_certificate() -> None:
    assert finding.vouched(configured()) == finding.Vouched(None)


def test_an_external_url_whose_host_is_none_names_no_directory() -> None:
    with pytest.raises(ValueError, match="Expected"):
        finding.addresses(configured(server__external_url="https://../images"))


def test_a_clients_key_that_is_not_its_certificates_is_refused(place: Folder) -> None:
    folder.add_client(place, "one", 10)
    folder.add_client(place, "two", 10)
    one, two = place.client("one"), place.client("two")

    pair = finding.client_pair(one.certificate, one.key)

    assert (pair.certificate, pair.key) == (one.certificate.read_text(), one.key.read_text())
    with pytest.raises(Unreadable, match=r"two\.key"):
        finding.client_pair(one.certificate, two.key)


def test_of_a_file_of_authorities_only_certificates_are_passed_on(place: Folder) -> None:
    mixed = place.path / "mixed.pem"
    mixed.write_bytes(place.authority.key.read_bytes() + place.authority.certificate.read_bytes())

    assert finding.authorities(mixed) == files.certificate_pem(files.read_certificates(mixed)[0]).decode()
    assert "PRIVATE" not in finding.authorities(mixed)
