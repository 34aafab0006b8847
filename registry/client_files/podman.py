"""podman, buildah, skopeo and CRI-O: certificates in a directory for each host, plain HTTP in a drop-in file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from registry.client_files.target import ClientFile, PathUnreachable, Setup, Target

_CERTIFICATES: Final = PurePosixPath("/etc/containers/certs.d")
_DROP_INS: Final = PurePosixPath("/etc/containers/registries.conf.d")


def setup(targets: Sequence[Target]) -> Setup:
    """What podman and its relatives need.

    Raises:
        PathUnreachable: a target is not at the root of its host.
    """
    for target in targets:
        if target.url.path_prefix:
            raise PathUnreachable("podman", target.url)
    files = [file for target in targets for file in _files(target)]
    hint = "for one user alone, the same files go below ~/.config/containers; nothing has to be restarted"
    return Setup(tuple(files), (hint,) if files else ())


def _files(target: Target) -> list[ClientFile]:
    if not target.is_plain:
        return target.pem_files(_CERTIFICATES / target.authority)
    name = re.sub(r"[^a-z0-9.-]+", "-", target.authority.lower()).strip("-")
    content = f"[[registry]]\nlocation = {json.dumps(target.authority)}\ninsecure = true\n"
    return [ClientFile(_DROP_INS / f"moorage-{name}.conf", content)]
