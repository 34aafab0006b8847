"""S3 servers for a test run: each on a free port of the loopback interface and in a directory of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from storage_backends.s3.settings import S3Settings
from tests.certificates import Certificate
from tests.ports import free_port
from tests.requirements import require_tool

USER, PASSWORD = "tester", "tester-secret"
"""Who has all rights in every one of these servers."""

_BUCKET = "registry"
# A machine that does much else lets a server wait for itself.
_START_S = 90


@dataclass(frozen=True)
class S3Server:
    """A server with one bucket."""

    endpoint: str
    access_key_id: str = USER
    secret_access_key: str = PASSWORD
    bucket: str = _BUCKET
    client: Any = field(default=None, compare=False)

    def settings(self, **choices: Any) -> S3Settings:
        """Those of a store below a prefix that nobody has used; `choices` are fields of the settings."""
        fixed = {
            "bucket": self.bucket,
            "prefix": f"{secrets.token_hex(4)}/",
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "addressing_style": "path",
        }
        return S3Settings(**(fixed | choices))

    def flags(self, **choices: Any) -> tuple[str, ...]:
        """The same as `key=value` settings of a registry."""
        chosen = self.settings(**choices)
        names = ("bucket", "prefix", "endpoint", "region", "access_key_id", "secret_access_key", "addressing_style")
        return ("storage.backend=s3", *(f"storage.s3.{name}={getattr(chosen, name)}" for name in names))

    def names(self, prefix: str = "") -> list[str]:
        """The names of all objects below a prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def pending(self, prefix: str = "") -> list[tuple[str, str]]:
        """The multipart uploads of objects below a prefix: names and ids."""
        uploads = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())
        return [(entry["Key"], entry["UploadId"]) for entry in uploads if entry["Key"].startswith(prefix)]


@contextmanager
def running_versitygw(
    certificate: Certificate | None = None, authority: Path | None = None, *, addresses: Sequence[str] = ()
) -> Iterator[S3Server]:
    """A versitygw, which keeps objects as files; it speaks TLS with a certificate for `localhost` of an authority.

    It is found at other `addresses` of this machine, too, by the same port.
    """
    program, port = require_tool("versitygw"), free_port()
    with tempfile.TemporaryDirectory(prefix="moorage-versitygw-") as directory:
        command = [str(program), "--access", USER, "--secret", PASSWORD, "--quiet"]
        for address in ("127.0.0.1", *addresses):
            command += ["--port", f"{address}:{port}"]
        endpoint = f"http://127.0.0.1:{port}"
        if certificate is not None:
            command += ["--cert", str(certificate.certificate), "--key", str(certificate.key)]
            endpoint = f"https://localhost:{port}"
        with running([*command, "posix", directory], {}, endpoint, authority) as server:
            yield server


@contextmanager
def running_minio() -> Iterator[S3Server]:
    """A MinIO server."""
    program, port = require_tool("minio"), free_port()
    environment = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD, "MINIO_UPDATE": "off"}
    with tempfile.TemporaryDirectory(prefix="moorage-minio-") as directory:
        addresses = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{free_port()}"]
        with running(
            [str(program), "server", "--quiet", *addresses, directory], environment, f"http://127.0.0.1:{port}"
        ) as server:
            yield server


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], endpoint: str, authority: Path | None = None
) -> Iterator[S3Server]:
    """The server that `command` starts at `endpoint`, with its one bucket made."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=os.environ | dict(environment), stdout=log, stderr=log, cwd=Path("/"))
        try:
            yield _with_bucket(process, endpoint, authority)
        except _NotStarted:
            log.seek(0)
            raise RuntimeError(f"{command[0]} does not start: {log.read().decode(errors='replace')}") from None
        finally:
            process.kill()
            process.wait()


class _NotStarted(Exception):
    """A server has ended, or does not answer in time."""


def _with_bucket(process: subprocess.Popen[bytes], endpoint: str, authority: Path | None) -> S3Server:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        verify=None if authority is None else str(authority),
        aws_access_key_id=USER,
        aws_secret_access_key=PASSWORD,
    )
    until = time.monotonic() + _START_S
    while True:
        try:
            client.create_bucket(Bucket=_BUCKET)
            return S3Server(endpoint, client=client)
        except (BotoCoreError, ClientError):
            if process.poll() is not None or time.monotonic() > until:
                raise _NotStarted from None
            time.sleep(0.05)
