"""Keys of `[auth]` that contradict each other, or need one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.config import ConfigInvalid, load

TOKENS = {"auth.mode": "token"}
URL, PLAIN = {"auth.ldap.url": "ldaps://directory.example"}, {"auth.ldap.url": "ldap://directory.example"}
BASE, USER_DN = {"auth.ldap.base": "dc=example"}, {"auth.ldap.user_dn": "uid={name},dc=example"}
BIND = {"auth.ldap.bind_dn": "cn=registry,dc=example", "auth.ldap.bind_password": "secret"}
EXTERNAL = {"auth.mode": "external", "auth.external.realm": "https://auth.example/token"}
JWKS_URL, JWKS_FILE = {"auth.external.jwks_url": "https://auth.example/keys"}, {"auth.external.jwks_file": "/dev/null"}
OIDC = {"auth.oidc.issuer": "https://login.example", "auth.oidc.client_id": "registry"}
START_TLS, ANYHOW = {"auth.ldap.start_tls": "true"}, {"auth.ldap.allow_plain": "true"}


def problems(flags: dict[str, str]) -> list[str]:
    try:
        load(environment={}, flags=flags)
    except ConfigInvalid as error:
        return [f"{problem.key}: {problem.reason}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "flags",
    [
        URL | BASE,
        OIDC | {"auth.oidc.allowed_groups": "dev,ops"},
        URL | BASE | BIND | {"auth.ldap.filter": "(&(objectClass=person)(uid={name}))", "auth.ldap.id_attribute": "x"},
        URL | USER_DN,
        PLAIN | BASE | START_TLS | {"auth.ldap.ca_file": "/dev/null"},
        PLAIN | BASE | ANYHOW,
        {"auth.ldap.url": "ldap://127.0.0.1"} | BASE,
        {"auth.htpasswd": "/dev/null"} | URL | BASE,
        EXTERNAL | JWKS_URL,
        EXTERNAL | JWKS_FILE,
        EXTERNAL | {"auth.external.certificates": "/dev/null"},
        EXTERNAL | {"auth.external.jwks_url": "http://127.0.0.1:5000/keys"},
    ],
)
def test_what_goes_together_is_taken(flags: dict[str, str]) -> None:
    assert problems(TOKENS | flags) == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"auth.mode": "none", "auth.htpasswd": "/dev/null"}, 'auth.htpasswd: needs `auth.mode = "token"`'),
        (OIDC | {"auth.mode": "none"}, 'auth.oidc.issuer: needs `auth.mode = "token"`'),
        ({"auth.oidc.issuer": "https://login.example"}, "auth.oidc.client_id: is missing"),
        ({"auth.oidc.client_id": "registry"}, "auth.oidc.client_id: needs `auth.oidc.issuer`"),
        (OIDC | {"auth.oidc.issuer": "http://login.example"}, "auth.oidc.issuer: Expected a URL"),
        ({"auth.mode": "none"} | URL | BASE, 'auth.ldap.url: needs `auth.mode = "token"`'),
        (BASE, "auth.ldap.base: needs `auth.ldap.url`"),
        (URL, "auth.ldap.base: is missing"),
        (URL | USER_DN | BASE, "auth.ldap.base: is about the search"),
        (URL | USER_DN | {"auth.ldap.filter": "(cn={name})"}, "auth.ldap.filter: is about the search"),
        (URL | {"auth.ldap.user_dn": "uid=alice,dc=example"}, "auth.ldap.user_dn: has no `{name}`"),
        (URL | BASE | {"auth.ldap.bind_dn": "cn=x"}, "auth.ldap.bind_password: is missing"),
        (URL | BASE | {"auth.ldap.bind_password": "x"}, "auth.ldap.bind_dn: is missing"),
        (URL | BASE | START_TLS, "auth.ldap.start_tls: is for `ldap://`"),
        (PLAIN | BASE, "auth.ldap.url: passwords would cross the network unencrypted"),
        (PLAIN | BASE | ANYHOW | {"auth.ldap.ca_file": "/dev/null"}, "auth.ldap.ca_file: needs `ldaps://`"),
        (EXTERNAL, "auth.external.jwks_url: is missing"),
        (EXTERNAL | JWKS_URL | {"auth.external.realm": ""}, "auth.external.realm: is missing"),
        (EXTERNAL | JWKS_URL | JWKS_FILE, "auth.external.jwks_file: and `auth.external.jwks_url` cannot both"),
        (
            EXTERNAL | {"auth.external.jwks_url": "http://auth.example/keys"},
            "auth.external.jwks_url: has to be `https://`",
        ),
        (JWKS_FILE, 'auth.external.jwks_file: needs `auth.mode = "external"`'),
        (EXTERNAL | JWKS_URL | {"auth.htpasswd": "/dev/null"}, 'auth.htpasswd: needs `auth.mode = "token"`'),
    ],
)
def test_what_contradicts_itself_is_refused(flags: dict[str, str], said: str) -> None:
    (found,) = problems(TOKENS | flags)

    assert found.startswith(said)


def test_files_that_are_not_there_are_told_of_at_once(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")

    found = problems(TOKENS | URL | BASE | {"auth.htpasswd": missing, "auth.ldap.ca_file": missing})

    assert found == [f"{key}: {missing} cannot be read" for key in ("auth.htpasswd", "auth.ldap.ca_file")]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("url", "https://directory.example"),
        ("url", "ldap://"),
        ("url", "ldap://user@directory.example"),
        ("url", "ldap://directory.example/dc=example"),
        ("url", "ldap://directory.example:port"),
        ("base", "example"),
        ("base", "dc=example\n"),
        ("filter", "uid={name}"),
        ("filter", "(uid=alice)"),
        ("filter", "((uid={name})"),
        ("id_attribute", "entry uuid"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(key: str, text: str) -> None:
    assert problems({f"auth.ldap.{key}": text})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ldap://directory.example", "ldap://directory.example:389"),
        ("ldaps://directory.example/", "ldaps://directory.example:636"),
        ("ldaps://[::1]:1636", "ldaps://[::1]:1636"),
    ],
)
def test_the_port_of_a_directory_is_the_usual_one_unless_it_is_said(text: str, shown: str) -> None:
    config = load(environment={}, flags=TOKENS | BASE | ANYHOW | {"auth.ldap.url": text})

    assert str(config.auth.ldap.url) == shown
