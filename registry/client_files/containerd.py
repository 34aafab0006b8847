"""containerd, alone or on the nodes of a Kubernetes cluster: a `hosts.toml` for each host."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from registry.client_files.target import ClientFile, Setup, Target

_HOSTS: Final = PurePosixPath("/etc/containerd/certs.d")
_CONFIGURATION: Final = PurePosixPath("/etc/containerd/config.toml")
# By containerd's major version: the version of its configuration file, and the plugin that pulls for Kubernetes.
_PLUGINS: Final[Mapping[int, tuple[int, str]]] = {
    1: (2, "io.containerd.grpc.v1.cri"),
    2: (3, "io.containerd.cri.v1.images"),
}


def setup(targets: Sequence[Target], major: int) -> Setup:
    """What containerd of this major version needs."""
    files = [file for target in targets for file in _files(target)]
    if not files:
        return Setup(())
    hints = (
        f"containerd reads {_HOSTS} at each pull; after a change of {_CONFIGURATION}: systemctl restart containerd",
        f"ctr has to be told: ctr images pull --hosts-dir {_HOSTS} IMAGE",
    )
    return Setup((*files, _configuration(major)), hints)


def kubernetes_setup(targets: Sequence[Target], major: int) -> Setup:
    """What every node of a Kubernetes cluster needs whose container runtime is containerd."""
    needed = setup(targets, major)
    hints = ("the files go onto every node that pulls; nodes with CRI-O take those of podman", *needed.hints[:1])
    return Setup(needed.files, hints if needed.files else ())


def _files(target: Target) -> list[ClientFile]:
    directory = _HOSTS / target.authority
    certificates = target.pem_files(directory)
    # What is left is what containerd does by itself.
    if not (certificates or target.is_plain or target.url.path_prefix):
        return []
    lines = [f"server = {json.dumps(str(target.url))}", 'capabilities = ["pull", "resolve", "push"]']
    if target.ca is not None and not target.is_plain:
        lines.append(f"ca = {json.dumps(str(directory / 'ca.crt'))}")
    if target.client is not None and not target.is_plain:
        pair = [str(directory / "client.cert"), str(directory / "client.key")]
        lines.append(f"client = [{json.dumps(pair)}]")
    # containerd 1 reads no file without this table. The server stays out of it: it would be asked twice.
    lines.append("\n[host]")
    return [ClientFile(directory / "hosts.toml", "\n".join(lines) + "\n"), *certificates]


def _configuration(major: int) -> ClientFile:
    version, plugin = _PLUGINS[major]
    content = f'version = {version}\n\n[plugins."{plugin}".registry]\nconfig_path = "{_HOSTS}"\n'
    return ClientFile(_CONFIGURATION, content, is_shared=True)
