"""The files of `registry tls`: who may read them, what is kept, what is replaced, and what is refused."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.certificates import files, folder, issuing
from registry.certificates.errors import AlreadyThere, AuthorityEnded, CertificateError, NotThere, Unreadable
from registry.certificates.folder import Folder, Pair
from registry.certificates.host import HostName

NAME, ADDRESS, SIX = (HostName.parse(text) for text in ("registry.example.com", "10.0.0.5", "fd00::5"))


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "deep" / "tls")


@pytest.fixture(params=[0o000, 0o077], ids=["umask 000", "umask 077"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(place: Folder) -> dict[str, int]:
    return {
        str(path.relative_to(place.path)): path.stat().st_mode & 0o777
        for path in place.path.rglob("*")
        if path.is_file()
    }


def contents(place: Folder) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.path.rglob("*") if path.is_file()}


def certificate(pair: Pair) -> x509.Certificate:
    (found,) = files.read_certificates(pair.certificate)
    return found


def put_authority(pair: Pair, *, ended: bool) -> None:
    """An authority of the operator's own, with a key of another kind and fewer extensions than ours."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    end = datetime.now(UTC) + (-1 if ended else 1) * timedelta(days=1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, end - timedelta(days=9), end)
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pair.certificate.parent.mkdir(parents=True)
    pair.certificate.write_bytes(files.certificate_pem(made.sign(key, hashes.SHA256())))
    pair.key.write_bytes(files.key_pem(key))


def test_only_their_owner_may_read_keys_and_everyone_certificates(umask: None, place: Folder) -> None:
    folder.init(place, [NAME], 10)
    folder.add_client(place, "laptop", 10)

    assert modes(place) == {
        "ca.crt": 0o644,
        "ca.key": 0o600,
        "server.crt": 0o644,
        "server.key": 0o600,
        "client-ca.crt": 0o644,
        "client-ca.key": 0o600,
        "clients/laptop.crt": 0o644,
        "clients/laptop.key": 0o600,
    }


def test_what_is_there_is_not_overwritten(place: Folder) -> None:
    folder.init(place, [NAME], 10)
    folder.add_client(place, "laptop", 10)
    before = contents(place)

    with pytest.raises(AlreadyThere, match=r"server\.crt, .*server\.key"):
        folder.init(place, [NAME], 10)
    with pytest.raises(AlreadyThere, match=r"laptop\.crt"):
        folder.add_client(place, "laptop", 10)

    assert contents(place) == before


def test_a_key_alone_is_not_overwritten_either_and_nothing_is_made_beside_it(place: Folder) -> None:
    place.path.mkdir(parents=True)
    place.server.key.write_text("somebody's key")

    with pytest.raises(AlreadyThere):
        folder.init(place, [NAME], 10)

    assert list(contents(place)) == [place.server.key]


def test_made_again_the_server_has_other_hosts_and_another_key_but_the_same_authority(place: Folder) -> None:
    folder.init(place, [NAME], 10)
    authority, key = certificate(place.authority), place.server.key.read_bytes()

    made = folder.init_again(place, [ADDRESS, ADDRESS, SIX], 10)

    assert issuing.hosts_of(made.certificate) == [ADDRESS, SIX]
    assert not made.authority_is_new
    assert certificate(place.authority) == authority
    assert place.server.key.read_bytes() != key
    assert issuing.is_signed_by(certificate(place.server), authority)
    assert modes(place)["server.key"] == 0o600


def test_a_renewal_replaces_one_file_and_keeps_the_hosts(place: Folder) -> None:
    folder.init(place, [NAME, SIX], 10)
    before = contents(place)

    made = folder.renew(place, [ADDRESS, NAME], 20)

    after = contents(place)
    assert [path for path in after if after[path] != before.get(path)] == [place.server.certificate]
    assert set(issuing.hosts_of(made.certificate)) == {NAME, SIX, ADDRESS}
    assert made.certificate == certificate(place.server)
    assert made.certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=19)


def test_a_certificate_is_valid_at_once_and_for_the_days_that_were_asked_for(place: Folder) -> None:
    made = folder.init(place, [NAME], 825).certificate

    # Both ends belong to the time of validity.
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(days=825, seconds=-1)
    assert made.not_valid_before_utc <= datetime.now(UTC) - timedelta(minutes=59)


def test_no_certificate_outlives_its_authority(place: Folder) -> None:
    put_authority(place.authority, ended=False)

    made = folder.init(place, [NAME], 825)

    assert made.certificate.not_valid_after_utc == certificate(place.authority).not_valid_after_utc


def test_an_authority_of_the_operators_own_signs_as_well(place: Folder) -> None:
    put_authority(place.authority, ended=False)

    made = folder.init(place, [NAME], 1)

    assert issuing.is_signed_by(made.certificate, certificate(place.authority))
    assert not made.authority_is_new


def test_an_authority_that_has_ended_signs_nothing(place: Folder) -> None:
    put_authority(place.authority, ended=True)

    with pytest.raises(AuthorityEnded, match="move its files away"):
        folder.init(place, [NAME], 1)


@pytest.mark.parametrize("missing", ["certificate", "key"])
def test_half_of_an_authority_is_named_and_left_alone(place: Folder, missing: str) -> None:
    folder.init(place, [NAME], 10)
    file: Path = getattr(place.authority, missing)
    file.unlink()
    before = contents(place)

    with pytest.raises(NotThere, match=str(file)):
        folder.init_again(place, [NAME], 10)
    with pytest.raises(NotThere, match=str(file)):
        folder.renew(place, [], 10)

    assert contents(place) == before


def test_there_is_nothing_to_renew_before_the_first_certificate(place: Folder) -> None:
    with pytest.raises(NotThere, match="registry tls init"):
        folder.renew(place, [], 10)


def test_files_that_are_something_else_are_named(place: Folder) -> None:
    folder.init(place, [NAME], 10)
    strange = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = files.key_pem(issuing.new_key())

    for text, reason in ((b"", "no private key"), (strange, "neither"), (other, "not the key of the certificate")):
        place.authority.key.write_bytes(text)
        with pytest.raises(Unreadable, match=f"{place.authority.key} .*{reason}"):
            folder.renew(place, [], 10)
    place.authority.certificate.write_bytes(b"text")
    with pytest.raises(Unreadable, match=r"ca\.crt .*no certificate"):
        folder.renew(place, [], 10)


def test_of_several_that_are_started_at_once_one_makes_the_certificates(place: Folder) -> None:
    ended: list[CertificateError | None] = []
    together = threading.Barrier(4)

    def init() -> None:
        together.wait()
        try:
            folder.init(place, [NAME], 10)
        except CertificateError as error:
            ended.append(error)
        else:
            ended.append(None)

    threads = [threading.Thread(target=init) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ended.count(None) == 1
    assert issuing.is_signed_by(certificate(place.server), certificate(place.authority))
    files.read_key(place.server.key, certificate(place.server))
    assert set(modes(place)) == {"ca.crt", "ca.key", "server.crt", "server.key"}


def test_authorities_have_names_and_numbers_of_their_own(place: Folder, tmp_path: Path) -> None:
    folder.init(place, [NAME], 10)
    folder.add_client(place, "laptop", 10)
    other = Folder(tmp_path / "other")
    folder.init(other, [NAME], 10)

    pairs = [place.authority, place.client_authority, other.authority, place.server, place.client("laptop")]
    made = [certificate(pair) for pair in pairs]
    assert len({one.subject for one in made[:3]}) == 3
    assert len({one.serial_number for one in made}) == len(made)
