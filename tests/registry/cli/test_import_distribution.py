"""`registry import --distribution`: what it takes, prints and refuses."""

import json
from pathlib import Path

import pytest

from oci_spec.digest import Digest
from tests.registry.cli.running import Run
from tests.storage_backends.distribution.folders import DistributionFolder


@pytest.fixture
def source(tmp_path: Path) -> DistributionFolder:
    """A registry that holds `team/app:1`, an image without a tag and one of which a layer is lost."""
    source = DistributionFolder(tmp_path / "source")
    source.image("team/app", "1")
    source.image("team/app", layers=[b"untagged"])
    source.image("team/app", "holed", layers=[b"lost"])
    source.path(Digest.of(b"lost")).unlink()
    return source


def test_what_came_and_what_did_not_is_told(registry: Run, source: DistributionFolder) -> None:
    ended = registry("import", "--distribution", str(source.root))

    lost = Digest.of(b"lost")
    assert ended.code == 1
    manifest, tag = (line.split("\t") for line in ended.out.splitlines())
    assert (manifest[0], manifest[1], manifest[3]) == ("manifest", "team/app", f"it names what is not there: {lost}")
    assert tag == ["tag", "team/app", "holed", f"its manifest {manifest[2]} was not taken"]
    assert ended.err.splitlines() == [
        "imported 1 repository, 2 manifests, 1 tag: 3 blobs new, 17 B; 2 not taken",
        'no tag leads to 1 manifest, which will be collected; gc.untagged = "keep" keeps such manifests',
    ]
    assert [row.split("\t")[0] for row in registry("tag", "list", "team/app").out.splitlines()] == ["1"]


def test_programs_get_json(registry: Run, source: DistributionFolder) -> None:
    document = json.loads(registry("import", "--distribution", str(source.root), "--json").out)

    assert [each["kind"] for each in document.pop("not_taken")] == ["manifest", "tag"]
    assert document == {
        "repositories": 1,
        "manifests": 2,
        "tags": 1,
        "untagged": 1,
        "copied": {"count": 3, "size": 17},
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["import", "--distribution", "."], 1, "holds no registry's data: there is no docker/registry/v2 in it"),
        (["import", "--distribution", "nowhere"], 1, "nowhere holds no registry's data"),
        (["import", "--distribution", "source", "layout", "team/app"], 2, "under their own names"),
        (["import", "--distribution", "source", "--tag", "1"], 2, "under their own names"),
        (["import", "layout"], 2, "Missing argument"),
        (["import", "--distribution", "s3://"], 2, "s3://bucket/prefix"),
        (["import", "--distribution", "source", "--endpoint", "http://localhost"], 2, "--endpoint goes with"),
    ],
)
def test_what_cannot_be_is_one_line(
    registry: Run, source: DistributionFolder, arguments: list[str], code: int, says: str
) -> None:
    ended = registry(*arguments)

    assert (ended.code, ended.out) == (code, "")
    (line,) = ended.err.splitlines()
    assert says in line
