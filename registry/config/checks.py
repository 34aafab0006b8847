"""Rules that concern more than one key, or the world outside the configuration."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from registry.config.database_checks import problems_of_the_database
from registry.config.errors import Problem
from registry.config.login_checks import problems_of_logins
from registry.config.schema import Config
from registry.config.storage_checks import problems_of_storage


def problems_of(config: Config, origins: Mapping[str, str]) -> list[Problem]:
    """What is wrong with a configuration whose single values are all right."""
    found = (problem for check in _CHECKS for problem in check(config))
    return [Problem(origins.get(key, "default"), key, reason) for key, reason in found]


def _open_to_others(config: Config) -> Iterator[tuple[str, str]]:
    if config.auth.mode == "none" and not config.server.listen.is_loopback and not config.auth.allow_open:
        reason = (
            f'{config.server.listen} can be reached from other machines, and with `auth.mode = "none"` '
            'everyone there may push and delete; set `auth.mode = "token"`, '
            "or `auth.allow_open = true` if that is meant"
        )
        yield "server.listen", reason


def _tls_files(config: Config) -> Iterator[tuple[str, str]]:
    tls = config.tls
    if tls.certificate is not None and tls.key is None:
        yield "tls.key", "is missing beside `tls.certificate`"
    if tls.certificate is None and tls.key is not None:
        yield "tls.certificate", "is missing beside `tls.key`"
    if tls.certificate is None and tls.client_ca is not None:
        yield "tls.client_ca", "needs `tls.certificate` and `tls.key`"
    files: dict[str, Path | None] = {
        "tls.certificate": tls.certificate,
        "tls.key": tls.key,
        "tls.client_ca": tls.client_ca,
    }
    for key, file in files.items():
        if file is not None and not os.access(file, os.R_OK):
            yield key, f"{file} cannot be read"


def _metrics_address(config: Config) -> Iterator[tuple[str, str]]:
    if config.metrics.listen == config.server.listen and config.server.listen.port != 0:
        yield "metrics.listen", "is the registry's own address; leave it empty, or choose another port"


_CHECKS: Final = (
    _open_to_others,
    _tls_files,
    problems_of_storage,
    problems_of_the_database,
    problems_of_logins,
    _metrics_address,
)
