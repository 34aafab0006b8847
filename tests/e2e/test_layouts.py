"""`registry export` and `registry import` beside the running registry, and the clients that share layouts with them."""

import json
from pathlib import Path

import pytest

from tests.e2e.client import Client, client
from tests.e2e.server import REGISTRY, RunningRegistry
from tests.images import ImageLayout
from tests.requirements import require_tool

pytestmark = pytest.mark.tool("busybox")

PRESERVE = "--preserve-digests"
REPORT = "application/vnd.example.report"


@pytest.fixture
def command(registry: RunningRegistry, tmp_path: Path) -> Client:
    """`registry`, on the data of the running server."""
    environment = {"REGISTRY_SERVER__DATA": str(registry.data)}
    return client(REGISTRY, home=tmp_path / "registry", environment=environment)


@pytest.fixture
def imported(command: Client, repository: str, layout: ImageLayout) -> ImageLayout:
    """The test's layout, in the test's repository."""
    command("import", layout.root, repository)
    return layout


@pytest.mark.tool("skopeo")
@pytest.mark.parametrize(("target", "transport"), [("ours", "oci"), ("ours.tar", "oci-archive")])
def test_skopeo_and_we_read_each_other(
    command: Client,
    registry: RunningRegistry,
    repository: str,
    name: str,
    imported: ImageLayout,
    tmp_path: Path,
    target: str,
    transport: str,
) -> None:
    skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
    pushed = f"docker://{name}/pushed:1"

    command("export", f"{repository}:many", tmp_path / target)
    skopeo("copy", "--all", PRESERVE, "--dest-tls-verify=false", f"{transport}:{tmp_path / target}:many", pushed)
    skopeo("copy", "--all", PRESERVE, "--src-tls-verify=false", pushed, f"{transport}:{tmp_path / 'its'}:2")
    command("import", tmp_path / "its", f"{repository}/back")

    assert registry.digest(f"{repository}/pushed", "1") == imported.digest("many")
    assert registry.digest(f"{repository}/back", "2") == imported.digest("many")


@pytest.mark.tool("crane")
def test_crane_and_we_read_each_other(
    command: Client, registry: RunningRegistry, repository: str, name: str, imported: ImageLayout, tmp_path: Path
) -> None:
    crane = client(require_tool("crane"), home=tmp_path / "home")

    command("export", f"{repository}:one", tmp_path / "ours")
    crane("push", tmp_path / "ours", f"{name}/pushed:1")
    crane("pull", "--format=oci", f"{name}/pushed:1", tmp_path / "its")
    command("import", tmp_path / "its", f"{repository}/back:2")

    crane("validate", "--remote", f"{name}/back:2")
    assert registry.digest(f"{repository}/back", "2") == imported.digest("one")


@pytest.mark.tool("oras")
def test_oras_and_we_bring_each_other_what_refers_to_an_image(
    command: Client, registry: RunningRegistry, repository: str, name: str, imported: ImageLayout, tmp_path: Path
) -> None:
    oras = client(require_tool("oras"), home=tmp_path / "home")
    (oras.home / "report.txt").write_text("fine\n")
    oras("attach", "--plain-http", "--artifact-type", REPORT, f"{name}:one", "report.txt:text/plain")
    subject = imported.digest("one")

    command("export", f"{repository}:one", tmp_path / "ours")
    oras("cp", "-r", "--from-oci-layout", f"{tmp_path / 'ours'}:one", "--to-plain-http", f"{name}/pushed:1")
    oras("cp", "-r", "--from-plain-http", f"{name}:one", "--to-oci-layout", f"{tmp_path / 'its'}:2")
    command("import", tmp_path / "its", f"{repository}/back")

    [referrer] = registry.referrers(repository, subject)
    assert referrer["artifactType"] == REPORT
    for copied in ("pushed", "back"):
        assert registry.referrers(f"{repository}/{copied}", subject) == [referrer]
    assert registry.tags(f"{repository}/back") == ["2"]


@pytest.mark.tool("regctl")
def test_regctl_and_we_bring_each_other_what_refers_to_an_image(
    command: Client, registry: RunningRegistry, repository: str, name: str, imported: ImageLayout, tmp_path: Path
) -> None:
    regctl = client(require_tool("regctl"), home=tmp_path / "home")
    regctl("registry", "set", "--tls", "disabled", registry.address)
    regctl("artifact", "put", "--artifact-type", REPORT, "--subject", f"{name}:one", stdin=b"fine")
    subject = imported.digest("one")

    command("export", f"{repository}:one", tmp_path / "ours")
    regctl("image", "copy", "--referrers", f"ocidir://{tmp_path / 'ours'}:one", f"{name}/pushed:1")
    regctl("image", "copy", "--referrers", f"{name}:one", f"ocidir://{tmp_path / 'its'}:2")
    command("import", tmp_path / "its", f"{repository}/back")
    regctl("image", "export", f"{name}:many", tmp_path / "its.tar")
    command("import", tmp_path / "its.tar", f"{repository}/archive")

    [referrer] = registry.referrers(repository, subject)
    for copied in ("pushed", "back"):
        assert registry.referrers(f"{repository}/{copied}", subject) == [referrer]
    assert registry.tags(f"{repository}/back") == ["2"]
    assert registry.digest(f"{repository}/archive", "many") == imported.digest("many")


@pytest.mark.root
@pytest.mark.tool("podman")
def test_podman_loads_what_we_write_and_we_read_what_it_saves(
    command: Client, registry: RunningRegistry, repository: str, imported: ImageLayout, short_path: Path
) -> None:
    storage: list[str | Path] = ["--root", short_path / "root", "--runroot", short_path / "run"]
    settings = ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"]
    podman = client(require_tool("podman"), *storage, "--tmpdir", short_path / "state", *settings, home=short_path)

    command("export", f"{repository}:one", short_path / "ours.tar")
    loaded = podman("load", "--input", short_path / "ours.tar").partition(":")[2].strip()
    podman("tag", loaded, "example.org/team/app:3")
    podman("save", "--format=oci-archive", "--output", short_path / "its.tar", "example.org/team/app:3")
    told = json.loads(command("import", short_path / "its.tar", f"{repository}/back", "--json"))

    [tag] = told["tags"]
    assert tag == {"name": "3", "digest": registry.digest(f"{repository}/back", "3")}
    config = registry.manifest(f"{repository}/back", "3").document["config"]["digest"]
    assert config == registry.manifest(repository, "one").document["config"]["digest"]
