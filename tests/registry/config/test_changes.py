"""What a configuration that is read again changes in one that runs."""

from pathlib import Path

import msgspec
import pytest

from registry.config import Config, load
from registry.config import read as unchecked
from registry.config.changes import changes, reloadable_values, with_reloadable_values
from registry.config.keys import keys
from registry.config.rendering import value_of
from registry.config.schema import Tls
from registry.config.takes_effect import TakesEffect

# A value of each key that is not its default, as a flag gives it.
OTHER = {
    "server.listen": "127.0.0.1:1",
    "server.workers": "3",
    "server.data": "/elsewhere",
    "server.grace_period_s": "1.5",
    "server.drain_delay_s": "2",
    "server.external_url": "https://example.org:8443/images",
    "server.advertise_url": "http://node1.example.org:5000",
    "server.trusted_proxies": "10.0.0.0/8,fd00::/8",
    "tls.certificate": "/dev/null",
    "tls.key": "/dev/null",
    "tls.client_ca": "/dev/null",
    "metrics.listen": "127.0.0.1:2",
    "storage.filesystem.root": "/blobs",
    "storage.filesystem.shared": "true",
    "storage.s3.bucket": "registry",
    "storage.s3.prefix": "team/",
    "storage.s3.endpoint": "http://127.0.0.1:9000",
    "storage.s3.region": "eu-central-1",
    "storage.s3.access_key_id": "AKIA",
    "storage.s3.secret_access_key": "correct horse",
    "storage.s3.addressing_style": "path",
    "storage.s3.ca_bundle": "/dev/null",
    "storage.s3.server_side_encryption": "AES256",
    "storage.s3.kms_key_id": "alias/registry",
    "storage.s3.storage_class": "STANDARD_IA",
    "storage.s3.checksum": "sha256",
    "storage.s3.part_bytes": "8388608",
    "storage.s3.buffer_bytes": "67108864",
    "storage.s3.redirect": "on",
    "storage.s3.redirect_lifetime_s": "60",
    "storage.s3.proxied_networks": "10.0.0.0/8",
    "storage.s3.cdn_url": "https://cdn.example.org",
    "storage.s3.concurrency": "4",
    "database.url": "postgresql://u:p@h/d",
    "database.migrate_at_start": "false",
    "database.pool_min": "2",
    "database.pool_max": "3",
    "database.pgbouncer": "true",
    "database.connect_timeout_s": "1.5",
    "database.statement_timeout_s": "2.5",
    "database.lock_timeout_s": "0.5",
    "database.tls.mode": "verify-full",
    "database.tls.ca_file": "/dev/null",
    "database.tls.certificate": "/dev/null",
    "database.tls.key": "/dev/null",
    "auth.allow_open": "true",
    "auth.anonymous_pull": "false",
    "auth.default_visibility": "public",
    "auth.service": "registry.example",
    "auth.issuer": "https://example.org/token",
    "auth.token_lifetime_s": "60",
    "auth.algorithm": "EdDSA",
    "auth.key_file": "/dev/null",
    "auth.admin_password_file": "/dev/null",
    "auth.admin_password": "correct horse",
    "auth.htpasswd": "/dev/null",
    "auth.ldap.url": "ldap://directory.example",
    "auth.ldap.start_tls": "true",
    "auth.ldap.allow_plain": "true",
    "auth.ldap.ca_file": "/dev/null",
    "auth.ldap.timeout_s": "1",
    "auth.ldap.base": "dc=example",
    "auth.ldap.filter": "(cn={name})",
    "auth.ldap.id_attribute": "entryUUID",
    "auth.ldap.bind_dn": "cn=registry,dc=example",
    "auth.ldap.bind_password": "battery staple",
    "auth.ldap.user_dn": "cn={name},dc=example",
    "auth.external.realm": "https://auth.example/token",
    "auth.external.jwks_url": "https://auth.example/jwks.json",
    "auth.external.jwks_file": "/dev/null",
    "auth.external.certificates": "/dev/null",
    "auth.oidc.issuer": "https://login.example.org/",
    "auth.oidc.client_id": "registry",
    "auth.oidc.scope": "openid",
    "auth.oidc.account_claim": "email",
    "auth.oidc.account_domain": "example.org",
    "auth.oidc.groups_claim": "roles",
    "auth.oidc.allowed_groups": "developers,operators",
    "auth.oidc.admin_groups": "operators",
    "auth.oidc.token_lifetime_s": "3600",
    "egress.allow": "127.0.0.0/8",
    "manifests.sparse": "allow",
    "uploads.expire_s": "61",
    "gc.grace_s": "0",
    "gc.interval_s": "1",
    "gc.untagged": "keep",
    "events.retention_s": "1",
    "audit.retention_s": "60",
    "limits.manifest_bytes": "1024",
    "limits.blob_bytes": "1",
    "limits.page_entries": "2",
    "limits.header_bytes": "8190",
    "limits.tag_parameters": "10",
    "limits.stall_s": "1.5",
    "limits.header_s": "2.5",
    "limits.keepalive_s": "0",
    "log.level": "debug",
    "log.format": "console",
    "log.access": "off",
}
# Of these there is one value only.
ALONE = {"storage.backend", "auth.mode"}


def other() -> Config:
    """A configuration in which every key that can be is another one than by default; not all go together."""
    return unchecked(environment={}, flags=OTHER).config


def without_tls(config: Config) -> Config:
    return msgspec.structs.replace(config, tls=Tls())


def test_every_key_that_can_be_reloaded_is_taken_over_and_no_other() -> None:
    running = load(environment={})
    read = without_tls(other())

    found = changes(running, read)

    for key in keys().values():
        source = read if key.takes_effect is TakesEffect.RELOAD else running
        assert value_of(found.config, key.name) == value_of(source, key.name)
    assert set(found.taken) | set(found.waiting) == {name for name in OTHER if not name.startswith("tls.")}
    assert {keys()[name].takes_effect for name in found.taken} == {TakesEffect.RELOAD}
    assert {keys()[name].takes_effect for name in found.waiting} == {TakesEffect.RESTART}


def test_nothing_changes_where_nothing_has_changed() -> None:
    found = changes(other(), other())

    assert (found.config, found.taken, found.waiting) == (other(), (), ())


def test_what_waits_for_a_restart_goes_on_waiting() -> None:
    running, read = load(environment={}), load(environment={}, flags={"server.workers": "3"})

    again = changes(changes(running, read).config, read)

    assert (again.taken, again.waiting) == ((), ("server.workers",))


@pytest.mark.parametrize(("running", "read"), [(without_tls(other()), other()), (other(), without_tls(other()))])
def test_tls_is_not_switched_while_the_registry_runs(running: Config, read: Config) -> None:
    found = changes(running, read)

    assert (found.config, found.waiting) == (running, ("tls.certificate", "tls.key", "tls.client_ca"))


def test_another_certificate_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    file.touch()
    read = unchecked(environment={}, flags={**OTHER, "tls.certificate": str(file)}).config

    found = changes(other(), read)

    assert (found.config, found.taken) == (read, ("tls.certificate",))


def test_what_can_be_reloaded_survives_being_told_to_another_process() -> None:
    told = msgspec.json.decode(msgspec.json.encode(reloadable_values(without_tls(other()))))

    assert (
        with_reloadable_values(load(environment={}), told) == changes(load(environment={}), without_tls(other())).config
    )


def test_no_secret_is_told_to_another_process() -> None:
    assert not [name for name in reloadable_values(Config()) if keys()[name].is_secret]


def test_this_test_knows_every_key() -> None:
    assert OTHER.keys() | ALONE == keys().keys()
