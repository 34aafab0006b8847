from pathlib import Path

import pytest

from runner.bundles.errors import InitMissing
from runner.bundles.init_program import find
from tests.images import BUSYBOX
from tests.requirements import require_tool


@pytest.mark.tool("busybox")
def test_a_program_that_needs_the_images_libraries_is_not_taken(tmp_path: Path) -> None:
    dynamic, static = str(require_tool("sh")), str(BUSYBOX)
    text = tmp_path / "script"
    text.write_text("#!/bin/sh\n" * 20)

    assert find((str(tmp_path / "none"), str(text), dynamic, static)) == str(Path(static).resolve())
    with pytest.raises(InitMissing):
        find((dynamic, str(text), str(tmp_path)))
