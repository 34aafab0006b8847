import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.app.refusals import CertificateUnusable
from registry.app.tls import CertificateRenewal, tls_context
from registry.config.schema import Tls
from tests.certificates import Authority, Certificate
from tests.registry.app.processes import running

pytestmark = pytest.mark.tool("openssl")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def localhost(authority: Authority) -> Certificate:
    return authority.sign("localhost")


def trusting(authority: Authority, shown: Certificate | None = None) -> ssl.SSLContext:
    """A client's context that trusts only `authority`, and shows a certificate if it has one."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if shown is not None:
        context.load_cert_chain(shown.certificate, shown.key)
    return context


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_context(Tls()) is None


def test_a_key_of_another_certificate_is_refused(authority: Authority, localhost: Certificate) -> None:
    other = authority.sign("other")

    with pytest.raises(CertificateUnusable):
        tls_context(Tls(certificate=localhost.certificate, key=other.key))


def test_a_file_that_is_no_certificate_is_refused(localhost: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "text.pem"
    file.write_text("no certificate")

    with pytest.raises(CertificateUnusable):
        tls_context(Tls(certificate=file, key=localhost.key))
    with pytest.raises(CertificateUnusable):
        tls_context(Tls(certificate=localhost.certificate, key=localhost.key, client_ca=file))


class Served:
    """A server's context made of files that can be replaced, and the certificate that a client is shown."""

    def __init__(self, directory: Path, first: Certificate) -> None:
        self.tls = Tls(certificate=directory / "server.pem", key=directory / "server.key")
        self.put(first)
        context = tls_context(self.tls)
        assert context is not None
        self.context = context

    def put(self, made: Certificate) -> None:
        """Put the files of `made` in place of those that are there."""
        assert self.tls.certificate is not None
        assert self.tls.key is not None
        for source, target in ((made.certificate, self.tls.certificate), (made.key, self.tls.key)):
            fresh = target.with_suffix(".new")
            fresh.write_bytes(source.read_bytes())
            fresh.rename(target)

    def shown(self) -> bytes:
        """The certificate of a handshake, which needs no network."""
        client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = client_context.wrap_bio(to_client, to_server)
        server = self.context.wrap_bio(to_server, to_client, server_side=True)
        for side in (client, server, client):
            with suppress(ssl.SSLWantReadError):
                side.do_handshake()
        shown = client.getpeercert(binary_form=True)
        assert shown is not None
        return shown


async def test_a_renewed_certificate_is_shown_to_connections_to_come(authority: Authority, tmp_path: Path) -> None:
    served = Served(tmp_path, authority.sign("first"))
    renewal = CertificateRenewal(served.tls, served.context)
    first = served.shown()
    renewed = authority.sign("second")

    served.put(renewed)
    await renewal.look()

    assert first != served.shown() == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())


async def test_an_unusable_renewal_leaves_the_old_certificate_until_it_is_usable(
    authority: Authority, tmp_path: Path
) -> None:
    served = Served(tmp_path, authority.sign("first"))
    renewal = CertificateRenewal(served.tls, served.context)
    first = served.shown()
    renewed = authority.sign("second")

    served.put(Certificate(renewed.certificate, authority.key))
    await renewal.look()
    half_way = served.shown()
    served.put(renewed)
    await renewal.look()

    assert half_way == first
    assert served.shown() != first


async def test_a_certificate_that_did_not_change_is_not_read_again(
    authority: Authority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Served(tmp_path, authority.sign("first"))

    await CertificateRenewal(served.tls, served.context).look()

    assert "renewed" not in capsys.readouterr().out


def test_blobs_of_all_sizes_go_over_https(tmp_path: Path, authority: Authority, localhost: Certificate) -> None:
    context = trusting(authority)
    contents = [b"", b"small", b"0123456789" * 300_000]
    settings = f"tls.certificate={localhost.certificate}", f"tls.key={localhost.key}"
    with running(tmp_path / "data", *settings) as registry:
        for content in contents:
            digest = Digest.of(content)
            pushed = registry.ask("POST", f"/v2/team/app/blobs/uploads/?digest={digest}", content, tls=context)
            pulled = registry.ask("GET", f"/v2/team/app/blobs/{digest}", tls=context)

            assert pushed.status == 201
            # Never the whole address: only a proxy knows how clients reach it.
            assert pushed.headers["Location"] == f"/v2/team/app/blobs/{digest}"
            assert pulled.body == content
        with pytest.raises(ConnectionError):
            registry.ask("GET", "/v2/")


def test_a_client_without_a_certificate_of_the_authority_is_not_let_in(
    tmp_path: Path, authority: Authority, localhost: Certificate
) -> None:
    stranger = Authority.made_in(tmp_path / "stranger").sign("client")
    settings = (
        f"tls.certificate={localhost.certificate}", f"tls.key={localhost.key}", f"tls.client_ca={authority.certificate}"
    )  # fmt: skip
    with running(tmp_path / "data", *settings) as registry:
        known = registry.ask("GET", "/v2/", tls=trusting(authority, authority.sign("client")))

        assert known.status == 200
        for shown in (None, stranger):
            with pytest.raises((ConnectionError, ssl.SSLError)):
                registry.ask("GET", "/v2/", tls=trusting(authority, shown))
