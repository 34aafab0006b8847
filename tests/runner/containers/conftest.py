from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import require_tool
from tests.runner.containers.sites import Site, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A place for containers; afterwards nothing of them is left."""
    require_tool("busybox")
    site = Site(tmp_path)
    yield site
    site.clear()
    until(lambda: site.left() == [])
