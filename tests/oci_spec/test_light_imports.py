"""A program that must start within milliseconds imports digests and references: they may load nothing else."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import oci_spec
from oci_spec.digest import ALGORITHMS

ROOT = str(Path(oci_spec.__file__).parent.parent)
LIGHT_MODULES = {
    "oci_spec", "oci_spec.digest", "oci_spec.errors", "oci_spec.image_name", "oci_spec.quoting", "oci_spec.reference",
}  # fmt: skip


def modules_loaded_by(statements: str) -> set[str]:
    """What a fresh interpreter, without `site`, loads beyond what it starts with."""
    program = f"""
import sys
sys.path.insert(0, {ROOT!r})
before = set(sys.modules)
{statements}
print(*(set(sys.modules) - before))
"""
    command = [sys.executable, "-S", "-I", "-c", program]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_digests_and_references_load_nothing_but_their_siblings() -> None:
    loaded = modules_loaded_by("import oci_spec.digest, oci_spec.image_name")

    assert loaded == LIGHT_MODULES


def test_parsing_loads_nothing_either() -> None:
    loaded = modules_loaded_by(
        "from oci_spec.image_name import ImageName\n"
        "from oci_spec.reference import RepositoryName, Tag, fallback_tag, parse_reference\n"
        "ImageName.parse('team/app:1').familiar()\n"
        "RepositoryName.parse('team/app'), parse_reference('latest')\n"
        "fallback_tag(parse_reference('sha256:' + '0' * 64))\n"
    )

    assert loaded == LIGHT_MODULES


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("content", ["b''", "b'hello'", "memoryview(b'hello')", "bytes(1_000_000)"])
def test_hashlib_is_loaded_when_there_is_much_to_hash(algorithm: str, content: str) -> None:
    expected = hashlib.new(algorithm, eval(content)).hexdigest()
    checked = f"from oci_spec.digest import Digest\nassert Digest.of({content}, {algorithm!r}).encoded == {expected!r}"

    assert ("hashlib" in modules_loaded_by(checked)) == (content == "bytes(1_000_000)")


def test_the_package_itself_is_empty() -> None:
    assert Path(oci_spec.__file__).read_bytes() == b""
