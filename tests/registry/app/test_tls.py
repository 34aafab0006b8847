import os
import resource
import signal
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from registry.app.listening import bind
from registry.app.plan import Plan
from registry.app.refusals import CertificateUnusable
from registry.app.reloading import Reloading
from registry.app.single_host import SingleHost
from registry.app.tls import tls_context
from registry.config import Config
from registry.config.schema import Tls
from registry.config.values import SocketAddress
from tests.certificates import Authority, Certificate
from tests.registry.app.processes import Registry, running, whole

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


def test_a_renewed_certificate_is_shown_to_connections_to_come(authority: Authority, tmp_path: Path) -> None:
    served = Served(tmp_path, authority.sign("first"))
    first = served.shown()
    renewed = authority.sign("second")
    assert served.context.is_up_to_date(served.tls)

    served.put(renewed)
    assert not served.context.is_up_to_date(served.tls)
    served.context.load(served.tls)

    assert first != served.shown() == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())
    assert served.context.is_up_to_date(served.tls)


def test_an_unusable_renewal_leaves_the_old_certificate_until_it_is_usable(
    authority: Authority, tmp_path: Path
) -> None:
    served = Served(tmp_path, authority.sign("first"))
    first = served.shown()
    renewed = authority.sign("second")

    served.put(Certificate(renewed.certificate, authority.key))
    with pytest.raises(CertificateUnusable):
        served.context.load(served.tls)

    assert served.shown() == first
    assert not served.context.is_up_to_date(served.tls)


def test_the_supervisor_looks_after_the_certificates_files(authority: Authority, tmp_path: Path) -> None:
    served = Served(tmp_path, authority.sign("first"))
    config = Config(tls=served.tls)
    sockets = bind(SocketAddress("127.0.0.1", 0), 1)
    plan = Plan(config, sockets, (), served.context, host=SingleHost({}))
    reloading = Reloading(plan, lambda: config, look_s=0)
    first, renewed = served.shown(), authority.sign("second")

    reloading.look(())
    assert served.shown() == first
    served.put(Certificate(renewed.certificate, authority.key))
    reloading.look(())
    assert served.shown() == first
    served.put(renewed)
    reloading.look(())

    assert served.shown() == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())
    assert reloading.due is not None
    plan.close()


def test_files_that_are_missing_are_not_up_to_date(authority: Authority, tmp_path: Path) -> None:
    served = Served(tmp_path, authority.sign("first"))

    assert served.tls.key is not None
    served.tls.key.unlink()

    assert not served.context.is_up_to_date(served.tls)


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


@dataclass
class Renewed:
    """A registry of two workers with its certificate, key and client authorities in files that a test replaces."""

    registry: Registry
    directory: Path

    def put(self, *, certificate: Path | None = None, key: Path | None = None, client_ca: Path | None = None) -> None:
        """Put these in place of what is there, and tell the registry."""
        for name, source in (("certificate", certificate), ("key", key), ("client_ca", client_ca)):
            if source is not None:
                place(source, self.directory / name)
        self.registry.signal(signal.SIGHUP)

    def statuses(self, tls: ssl.SSLContext) -> set[int]:
        """What many connections get: enough to meet both workers."""
        return {self.status(tls) for _ in range(30)}

    def status(self, tls: ssl.SSLContext) -> int:
        """What one connection gets: 0 for no answer."""
        try:
            return self.registry.ask("GET", "/v2/", tls=tls).status
        except (ConnectionError, ssl.SSLError):
            return 0


def place(source: Path, target: Path) -> None:
    fresh = target.with_suffix(".new")
    fresh.write_bytes(source.read_bytes())
    fresh.replace(target)


@pytest.fixture
def renewed(tmp_path: Path, localhost: Certificate, authority: Authority) -> Iterator[Renewed]:
    """One that asks for client certificates of `authority`."""
    settings = [f"tls.{name}={tmp_path / name}" for name in ("certificate", "key", "client_ca")]
    for source, name in ((localhost.certificate, "certificate"), (localhost.key, "key")):
        place(source, tmp_path / name)
    place(authority.certificate, tmp_path / "client_ca")
    with running(tmp_path / "data", "server.workers=2", *settings) as registry:
        yield Renewed(registry, tmp_path)


def test_sighup_takes_up_a_renewed_certificate_and_other_client_authorities(
    renewed: Renewed, authority: Authority, tmp_path: Path
) -> None:
    other = Authority.made_in(tmp_path / "other")
    certificate = other.sign("localhost")
    old, new = trusting(authority, authority.sign("client")), trusting(other, other.sign("client"))
    assert (renewed.statuses(old), renewed.statuses(new)) == ({200}, {0})

    renewed.put(certificate=certificate.certificate, key=certificate.key, client_ca=other.certificate)
    renewed.registry.await_event("the certificate was renewed")

    assert (renewed.statuses(old), renewed.statuses(new)) == ({0}, {200})
    # Who is replaced goes on with it.
    os.kill(renewed.registry.workers()[0], signal.SIGKILL)
    renewed.registry.await_event("a worker died")
    assert renewed.statuses(new) == {200}


def test_an_unusable_certificate_is_refused_at_sighup_and_connections_go_on(
    renewed: Renewed, authority: Authority
) -> None:
    client = trusting(authority, authority.sign("client"))
    open_connection = renewed.registry.connect(client)
    open_connection.request("GET", "/v2/")
    assert whole(open_connection.getresponse()).status == 200

    renewed.put(certificate=authority.sign("another").certificate)
    refused = renewed.registry.await_event("the new certificate cannot be used; everything stays as it was")

    assert "MISMATCH" in refused["reason"]
    assert renewed.statuses(client) == {200}
    open_connection.request("GET", "/v2/")
    assert whole(open_connection.getresponse()).status == 200
    open_connection.close()


def test_a_worker_that_cannot_load_the_certificate_is_told_of_it_again(renewed: Renewed, authority: Authority) -> None:
    client = trusting(authority, authority.sign("client"))
    other = authority.sign("localhost")
    # Every worker has begun its periodic work: one that cannot, for want of descriptors, ends.
    assert renewed.statuses(client) == {200}
    worker = renewed.registry.workers()[0]
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, limits[1]))
    renewed.put(certificate=other.certificate, key=other.key)
    failed = renewed.registry.await_event("a worker cannot use the new certificate; it is tried again")
    assert (failed["pid"], failed["reason"]) == (worker, "[Errno 24] Too many open files")

    resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
    renewed.put()
    renewed.registry.await_event("the certificate was renewed")

    assert renewed.statuses(client) == {200}
