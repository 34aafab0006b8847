"""dockerd: certificates in a directory for each host, plain HTTP in its configuration file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from registry.client_files.target import ClientFile, PathUnreachable, Setup, Target

_CERTIFICATES: Final = PurePosixPath("/etc/docker/certs.d")
_CONFIGURATION: Final = PurePosixPath("/etc/docker/daemon.json")


def setup(targets: Sequence[Target]) -> Setup:
    """What dockerd needs.

    Raises:
        PathUnreachable: a target is not at the root of its host.
    """
    for target in targets:
        if target.url.path_prefix:
            raise PathUnreachable("docker", target.url)
    files = [file for target in targets for file in target.pem_files(_CERTIFICATES / target.authority)]
    hints = []
    if files:
        hints.append(
            "dockerd reads the certificates at each push and pull; a rootless one looks in ~/.config/docker/certs.d"
        )
    # Loopback addresses are tried over plain HTTP without being told.
    if plain := [target.authority for target in targets if target.is_plain and not target.is_loopback]:
        content = json.dumps({"insecure-registries": plain}, indent=2) + "\n"
        files.append(ClientFile(_CONFIGURATION, content, is_shared=True))
        hints.append("then tell dockerd: systemctl reload docker")
    return Setup(tuple(files), tuple(hints))
