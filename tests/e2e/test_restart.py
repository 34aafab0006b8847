"""What was pushed is there after the server has stopped and started again."""

from pathlib import Path

import pytest

from tests.e2e.client import client
from tests.e2e.server import running_registry
from tests.images import Image, ImageLayout
from tests.requirements import require_tool

pytestmark = [pytest.mark.tool("crane"), pytest.mark.tool("busybox")]


def test_a_pushed_image_outlives_the_server(image: Image, tmp_path: Path) -> None:
    layout = ImageLayout(tmp_path / "layout")
    pushed = layout.put_image("one", image)
    crane = client(require_tool("crane"), home=tmp_path / "home")

    with running_registry(tmp_path / "registry") as registry:
        crane("push", layout.root, f"{registry.address}/team/app:1")

    with running_registry(tmp_path / "registry") as registry:
        crane("validate", "--remote", f"{registry.address}/team/app:1")
        assert registry.digest("team/app", "1") == pushed
