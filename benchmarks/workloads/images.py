"""Whole images, pushed and pulled by skopeo."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.content import MIB, OCI_MANIFEST, Image, digest, make_image
from benchmarks.measure import Work
from benchmarks.servers import Server
from benchmarks.workloads.workload import Kit, Unit, Workload, size_name

_LAYERS = 10
_LAYER_SIZE = 4 * MIB
_DEADLINE_S = 300


class ClientFailed(Exception):
    """skopeo did not do what it was asked."""


class _SkopeoWorkload(Workload):
    unit = Unit.SECONDS

    def __init__(self, kit: Kit, verb: str) -> None:
        self.name = f"skopeo {verb} of {_LAYERS} layers of {size_name(_LAYER_SIZE)}"
        self._kit = kit

    def _new_layout(self) -> Path:
        layout = Path(tempfile.mkdtemp(dir=self._kit.scratch, prefix="layout."))
        _write_layout(layout, make_image("made", [os.urandom(_LAYER_SIZE) for _ in range(_LAYERS)]))
        return layout

    def _copy(self, source: str, destination: str) -> float:
        """Seconds that `skopeo copy` took."""
        home = self._kit.scratch / "skopeo"
        home.mkdir(exist_ok=True)
        options = ["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"]
        began = time.monotonic()
        run = subprocess.run(
            ["skopeo", *options, source, destination],
            env={"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PATH": os.environ.get("PATH", os.defpath)},
            capture_output=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        if run.returncode:
            raise ClientFailed(run.stderr.decode(errors="replace").strip())
        return time.monotonic() - began


class SkopeoPush(_SkopeoWorkload):
    """An image that no registry has seen."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, "push")

    def run(self, server: Server) -> Work:
        layout = self._new_layout()
        took = self._copy(f"oci:{layout}:made", f"docker://{server.address}/bench/pushed:{secrets.token_hex(8)}")
        shutil.rmtree(layout)
        return Work(1, _LAYERS * _LAYER_SIZE, took)


class SkopeoPull(_SkopeoWorkload):
    """An image into an empty directory."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, "pull")

    def prepare(self, server: Server) -> None:
        layout = self._new_layout()
        self._copy(f"oci:{layout}:made", f"docker://{server.address}/bench/pulled:made")
        shutil.rmtree(layout)

    def run(self, server: Server) -> Work:
        with tempfile.TemporaryDirectory(dir=self._kit.scratch, prefix="pulled.") as pulled:
            took = self._copy(f"docker://{server.address}/bench/pulled:made", f"dir:{pulled}")
        return Work(1, _LAYERS * _LAYER_SIZE, took)


def obstacle() -> str | None:
    """Why skopeo's workloads cannot be measured here, None when they can."""
    return None if shutil.which("skopeo") else "skopeo is not installed"


def _write_layout(root: Path, image: Image) -> None:
    """Write `image` as an OCI image layout (image-spec, "Image Layout Specification")."""
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for blob in (*image.blobs, image.manifest):
        (blobs / digest(blob).removeprefix("sha256:")).write_bytes(blob)
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": image.digest,
        "size": len(image.manifest),
        "annotations": {"org.opencontainers.image.ref.name": image.tag},
    }
    (root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
