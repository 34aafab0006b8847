"""What people log in by is looked at before anything is served."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.app.login_sources import check_sources
from registry.app.refusals import LoginSourceUnusable
from registry.config.directory_values import LdapUrl
from registry.config.schema import Auth, Ldap


def test_an_htpasswd_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "htpasswd"
    file.write_text("# nobody yet\n")
    check_sources(Auth(mode="token", htpasswd=file))
    file.write_text("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")

    with pytest.raises(LoginSourceUnusable) as raised:
        check_sources(Auth(mode="token", htpasswd=file))

    assert (
        str(raised.value)
        == f"auth.htpasswd: {file}: line 1: only bcrypt hashes are taken; make them with `htpasswd -B`"
    )


def test_authorities_that_are_none_stop_the_start(tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_text("nothing\n")
    directory = Ldap(url=LdapUrl.parse("ldaps://directory.example"), ca_file=file)

    with pytest.raises(LoginSourceUnusable, match="no certificate or crl found") as raised:
        check_sources(Auth(mode="token", ldap=directory))

    assert str(raised.value).startswith(f"auth.ldap.ca_file: {file}: ")
