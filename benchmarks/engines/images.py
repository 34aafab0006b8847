"""What is run and pulled: busybox, and an image of 200 MB in layers of gzip or zstd."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.content import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, digest, push_blob, push_manifest
from benchmarks.engines.engines import IMAGE, OURS, Engine
from benchmarks.servers import Server

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BUSYBOX = Path("/bin/busybox")
REPOSITORY = "bench/image"
COMPRESSIONS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": (OCI_LAYER, lambda layer: gzip.compress(layer, 1, mtime=0)),
    "zstd": (OCI_LAYER.replace("+gzip", "+zstd"), lambda layer: zstd.compress(layer, 1)),
}

_LAYERS = 4
_FILES = 400
# Half of a file is its own, the other half says nothing new: it becomes half as large.
_HALF = 128 * 1024


def load_busybox(engines: list[Engine], scratch: Path) -> None:
    """Give every engine the image that is run."""
    root = scratch / "rootfs"
    for folder in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (root / folder).mkdir(parents=True)
    (root / "bin" / "busybox").write_bytes(BUSYBOX.read_bytes())
    (root / "bin" / "busybox").chmod(0o755)
    for name in ("sh", "sleep", "true"):
        (root / "bin" / name).symlink_to("busybox")
    archive = scratch / "busybox.tar"
    [ours] = [engine for engine in engines if engine.name == OURS]
    ours("import", "--change", "ENV PATH=/bin", str(root), IMAGE)
    ours("save", "--output", str(archive), IMAGE)
    for engine in engines:
        if engine is not ours:
            engine("load", "--input", str(archive))


def push_large_image(server: Server, compression: str, *, files: int = _FILES) -> int:
    """Put the large image into a registry under the name of its compression; the bytes of its layers."""
    media_type, compress = COMPRESSIONS[compression]
    numbers = random.Random("moorage")
    layers = [_layer(number, files, numbers) for number in range(_LAYERS)]
    packed = [compress(layer) for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }
    content = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest(content), "size": len(content)},
        "layers": [{"mediaType": media_type, "digest": digest(blob), "size": len(blob)} for blob in packed],
    }
    connection = server.connect()
    try:
        for blob in (content, *packed):
            push_blob(connection, REPOSITORY, blob)
        push_manifest(connection, REPOSITORY, compression, json.dumps(manifest).encode())
    finally:
        connection.close()
    return sum(map(len, packed))


def _layer(number: int, files: int, numbers: random.Random) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for file in range(files):
            own = numbers.randbytes(_HALF)
            entry = tarfile.TarInfo(f"data/{number}/{file // 50}/{hashlib.sha256(own).hexdigest()}")
            entry.size = 2 * _HALF
            archive.addfile(entry, io.BytesIO(own + bytes(_HALF)))
    return written.getvalue()
