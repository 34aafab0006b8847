"""Whom to trust at a registry: the system's authorities, and what `certs.d` says of it.

(Docker's "Verify repository client with certificates"; containers-certs.d(5))
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from runner.registries.errors import ConfigurationInvalid

FOLDERS = (Path("/etc/docker/certs.d"), Path("/etc/containers/certs.d"))
"""Where each registry has a directory, named by its host and port."""


def context(host: str, *, verify: bool, folders: Sequence[Path] = FOLDERS) -> ssl.SSLContext:
    """How to speak TLS with a registry.

    Authorities are its files `*.crt`, beside the system's; the client shows `*.cert` with the `*.key` beside it.

    Raises:
        ConfigurationInvalid: a file cannot be read, or lacks its other half.
    """
    made = ssl.create_default_context()
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    for folder in folders:
        for path in _files(folder / host):
            try:
                _add(made, path)
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationInvalid(str(path), str(error)) from error
    return made


def _files(folder: Path) -> list[Path]:
    # The host may be anything that names one, but is no path: it has neither "/" nor "..".
    return sorted(folder.iterdir()) if folder.is_dir() and os.access(folder, os.R_OK) else []


def _add(made: ssl.SSLContext, path: Path) -> None:
    if path.suffix == ".crt":
        made.load_verify_locations(path)
    elif path.suffix == ".cert":
        key = path.with_suffix(".key")
        if not key.exists():
            raise ConfigurationInvalid(str(path), "its key is missing")
        made.load_cert_chain(path, key)
    elif path.suffix == ".key" and not path.with_suffix(".cert").exists():
        raise ConfigurationInvalid(str(path), "its certificate is missing")
