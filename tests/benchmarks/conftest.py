"""The load generator, built once."""

import pytest

from benchmarks.generator import Generator
from benchmarks.toolchain import ToolchainMissing, build_load
from tests.requirements import require_tool


@pytest.fixture(scope="session")
def generator() -> Generator:
    """The load generator of this checkout."""
    try:
        return Generator(build_load())
    except ToolchainMissing:
        require_tool("go")
        raise
