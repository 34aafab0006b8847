import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import require_root, require_tool
from tests.runner.containers.commands import Commands
from tests.runner.containers.sites import Site
from tests.runner.namespaces import network_namespace
from tests.waiting import until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A place for containers; afterwards nothing of them is left."""
    require_tool("busybox")
    site = Site(tmp_path)
    yield site
    site.clear()
    until(lambda: site.left() == [])


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """The command on a host with one image."""
    require_root()
    for tool in ("busybox", "nft", "ip"):
        require_tool(tool)
    with network_namespace() as network:
        commands = Commands(tmp_path_factory.mktemp("host"), network)
        subprocess.run([*commands.in_network(), "ip", "link", "set", "lo", "up"], check=True)
        yield commands


@pytest.fixture
def runner(host: Commands) -> Iterator[Commands]:
    """The command; afterwards nothing of its containers is left."""
    yield host
    host.clear()
    until(lambda: host.left() == [])
