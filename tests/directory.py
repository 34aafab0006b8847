"""A real LDAP directory, Debian's slapd, with a few people in it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority
from tests.ports import free_port
from tests.requirements import require_tool

_START_DEADLINE_S = 90.0
_POLL_S = 0.02

BASE = "dc=example,dc=org"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{BASE}", "root-password"
_PEOPLE = (("alice", "Alice"), ("bob", "Twin"), ("carol", "Twin"), ("dave", "Dave"))
_ENTRIES = f"""dn: {BASE}
objectClass: domain
dc: example
""" + "".join(
    f"""
dn: uid={name},{BASE}
objectClass: inetOrgPerson
uid: {name}
cn: {common}
sn: {name}
userPassword: {name}-password
"""
    for name, common in _PEOPLE
)


@dataclass(frozen=True, slots=True)
class RunningDirectory:
    """A directory on the loopback interface: `plain` takes StartTLS too, `secure` is encrypted from the beginning.

    The password of alice is `alice-password`, and so on. Bob and carol have the same common name.
    """

    plain: int
    secure: int


@contextmanager
def running_directory(folder: Path, authority: Authority) -> Iterator[RunningDirectory]:
    """The directory, with its files below `folder`, until the block ends; its certificate is the authority's."""
    (folder / "data").mkdir()
    (folder / "entries").write_text(_ENTRIES)
    certificate = authority.sign("localhost")
    configuration = folder / "slapd.conf"
    schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    configuration.write_text(
        f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
        f"TLSCACertificateFile {authority.certificate}\nTLSCertificateFile {certificate.certificate}\n"
        f"TLSCertificateKeyFile {certificate.key}\n"
        f'database mdb\nsuffix "{BASE}"\nrootdn "{ROOT_DN}"\nrootpw {ROOT_PASSWORD}\ndirectory {folder}/data\n'
    )
    slapd = str(require_tool("slapd"))
    subprocess.run([slapd, "-T", "add", "-f", configuration, "-l", folder / "entries"], check=True)
    plain, secure = free_port(), free_port()
    addresses = f"ldap://localhost:{plain} ldaps://localhost:{secure}"
    process = subprocess.Popen([slapd, "-f", configuration, "-h", addresses, "-d", "0"])
    try:
        _wait_for(secure, process)
        yield RunningDirectory(plain, secure)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_DEADLINE_S
    while True:
        assert process.poll() is None, "slapd ended at its start"
        try:
            socket.create_connection(("localhost", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(_POLL_S)
        else:
            return
