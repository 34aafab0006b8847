import ssl
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.app.refusals import CertificateUnusable
from registry.app.tls import tls_context
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
