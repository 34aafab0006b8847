from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import require_tool
from tests.runner.oci.bundles import Box, Runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """The runtime; afterwards nothing of its containers is left."""
    require_tool("busybox")
    # The container's users must be able to come to their root.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid != 0 or folder == Path("/"):
            break
        folder.chmod(folder.stat().st_mode | 0o111)
    runtime = Runtime(tmp_path)
    yield runtime
    runtime.clear()
    assert [entry for entry in runtime.left() if not entry.endswith(".seccomp")] == []


@pytest.fixture
def box(runtime: Runtime) -> Box:
    """One container's bundle."""
    return runtime.box()
