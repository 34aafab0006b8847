"""The registries that are compared, with their bytes in the same S3 server, each below a prefix of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.generator import TlsFiles
from benchmarks.s3.store import Store
from benchmarks.servers import Distribution, Moorage

_DISTRIBUTION_CONFIG = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  s3:
    bucket: "{store.bucket}"
    accesskey: "{store.access_key_id}"
    secretkey: "{store.secret_access_key}"
    region: us-east-1
    regionendpoint: "http://{endpoint}"
    forcepathstyle: true
    secure: false
    rootdirectory: "/{prefix}"
  redirect: {{disable: {proxied}}}
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "{address}"}}
"""


class MoorageOnS3(Moorage):
    """Moorage with the defaults of its S3 backend; `endpoint` stands in the server's place where one is before it."""

    def __init__(self, store: Store, *, redirect: bool, endpoint: str | None = None) -> None:
        super().__init__()
        self._store = store
        self._redirect = redirect
        self._endpoint = endpoint or store.address

    def _command(self, directory: Path, address: str, tls: TlsFiles | None) -> Sequence[str | Path]:
        s3 = {
            "bucket": self._store.bucket,
            "prefix": directory.name,
            "endpoint": f"http://{self._endpoint}",
            "region": "us-east-1",
            "access_key_id": self._store.access_key_id,
            "secret_access_key": self._store.secret_access_key,
            "addressing_style": "path",
            "redirect": "on" if self._redirect else "off",
        }
        command = [*super()._command(directory, address, tls), "--set", "storage.backend=s3"]
        for name, value in s3.items():
            command += ["--set", f"storage.s3.{name}={value}"]
        return command

    def _uploaded(self, directory: Path) -> Path:
        return self._store.below(directory.name) / "blobs"


class DistributionOnS3(Distribution):
    """distribution with its S3 driver, and the settings that are best for it."""

    def __init__(self, program: Path, store: Store, *, redirect: bool, endpoint: str | None = None) -> None:
        super().__init__(program)
        self._store = store
        self._redirect = redirect
        self._endpoint = endpoint or store.address

    def _command(self, directory: Path, address: str, tls: TlsFiles | None) -> Sequence[str | Path]:
        config = directory / "config.yml"
        config.write_text(
            _DISTRIBUTION_CONFIG.format(
                store=self._store,
                endpoint=self._endpoint,
                prefix=directory.name,
                proxied="false" if self._redirect else "true",
                address=address,
            )
        )
        return [self._program, "serve", config]

    def _uploaded(self, directory: Path) -> Path:
        return self._store.below(directory.name) / "docker" / "registry" / "v2" / "blobs" / "sha256"
