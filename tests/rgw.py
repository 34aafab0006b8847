"""Ceph's S3 server, the RADOS gateway, before a cluster of one monitor and one daemon that keeps objects in memory."""

from __future__ import annotations

import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.ports import free_port
from tests.requirements import require_tool
from tests.s3 import PASSWORD, USER, S3Server, running

# As long as a daemon may take until it answers.
_STEP_S = 120

_CONFIGURATION = """\
[global]
fsid = {cluster}
mon host = v2:127.0.0.1:{port}
public addr = 127.0.0.1
# Nobody has a key: all of it listens on the loopback interface, for as long as the tests take.
auth cluster required = none
auth service required = none
auth client required = none
# The gateway would insist on an encrypted way to the monitor, for which there is no key.
ms mon client mode = crc
run dir = {directory}
log file = {directory}/$name.log
mon cluster log file = {directory}/cluster.log
admin socket = {directory}/$name.asok
mon data = {directory}/mon
osd data = {directory}/osd
rgw data = {directory}/rgw
osd objectstore = memstore
memstore device bytes = 4294967296
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
"""


@contextmanager
def running_rgw() -> Iterator[S3Server]:
    """A RADOS gateway. It takes root: all of Ceph's programs become another user, if they are not told to stay that."""
    with tempfile.TemporaryDirectory(prefix="moorage-rgw-") as directory, ExitStack() as daemons:
        cluster = _Cluster(Path(directory))
        cluster.make_monitor()
        daemons.enter_context(cluster.daemon("ceph-mon", "-i", "a"))
        cluster.run("ceph", "osd", "create")
        cluster.run("ceph-osd", "-i", "0", "--mkfs")
        daemons.enter_context(cluster.daemon("ceph-osd", "-i", "0"))
        who = ("--uid", USER, "--display-name", USER, "--access-key", USER, "--secret-key", PASSWORD)
        cluster.run("radosgw-admin", "user", "create", *who)
        address = f"127.0.0.1:{free_port()}"
        gateway = cluster.command("radosgw", "-f", "-n", "client.rgw", "--rgw-frontends", f"beast endpoint={address}")
        with running(gateway, {}, f"http://{address}") as server:
            yield server


class _Cluster:
    """A cluster whose data and configuration are in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._id, self._port = str(uuid.uuid4()), free_port()
        self._file.write_text(_CONFIGURATION.format(cluster=self._id, port=self._port, directory=directory))
        for part in ("mon", "osd", "rgw"):
            (directory / part).mkdir()

    @property
    def _file(self) -> Path:
        return self._directory / "ceph.conf"

    def make_monitor(self) -> None:
        """What the monitor has to find when it starts."""
        monitors = self._directory / "monmap"
        where = f"[v2:127.0.0.1:{self._port}]"
        _run([require_tool("monmaptool"), "--create", "--fsid", self._id, "--addv", "a", where, monitors])
        self.run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)

    def command(self, program: str, *arguments: str | Path) -> list[str]:
        """One of Ceph's programs, for this cluster."""
        return [str(require_tool(program)), "-c", str(self._file), *map(str, arguments)]

    def run(self, program: str, *arguments: str | Path) -> None:
        """Wait for a program's end; those that ask the cluster wait for it."""
        _run(self.command(program, *arguments))

    @contextmanager
    def daemon(self, program: str, *arguments: str) -> Iterator[None]:
        """One of the cluster's daemons, until the block ends."""
        with (self._directory / f"{program}.out").open("wb") as output:
            process = subprocess.Popen(self.command(program, "-f", *arguments), stdout=output, stderr=output)
        try:
            yield
        finally:
            process.kill()
            process.wait()


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_STEP_S)
    assert done.returncode == 0, f"{command}: {done.stderr}"
