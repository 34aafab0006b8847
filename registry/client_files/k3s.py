"""k3s: one file for all registries, from which it makes containerd's configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from registry.client_files.target import ClientFile, Setup, Target

_REGISTRIES: Final = PurePosixPath("/etc/rancher/k3s/registries.yaml")
_CERTIFICATES: Final = PurePosixPath("/etc/rancher/k3s/certs.d")


def setup(targets: Sequence[Target]) -> Setup:
    """What every node of a k3s cluster needs."""
    needing = [target for target in targets if target.is_plain or target.url.path_prefix or _certificates(target)]
    if not needing:
        return Setup(())
    certificates = [file for target in needing for file in _certificates(target)]
    lines = ["mirrors:", *(line for target in needing for line in _mirror(target))]
    if certificates:
        lines += ["configs:", *(line for target in needing for line in _config(target))]
    registries = ClientFile(_REGISTRIES, "\n".join(lines) + "\n", is_shared=True)
    hints = ("the files go onto every node; then: systemctl restart k3s (on agents: k3s-agent)",)
    return Setup((*certificates, registries), hints)


def _certificates(target: Target) -> list[ClientFile]:
    return target.pem_files(_CERTIFICATES / target.authority)


def _mirror(target: Target) -> list[str]:
    # At a path, k3s takes the endpoint for the whole root of the API.
    endpoint = f"{target.url}/v2" if target.url.path_prefix else str(target.url)
    return [f"  {json.dumps(target.authority)}:", "    endpoint:", f"      - {json.dumps(endpoint)}"]


def _config(target: Target) -> list[str]:
    keys = {"ca.crt": "ca_file", "client.cert": "cert_file", "client.key": "key_file"}
    files = [f"      {keys[file.path.name]}: {json.dumps(str(file.path))}" for file in _certificates(target)]
    return [f"  {json.dumps(target.authority)}:", "    tls:", *files] if files else []
