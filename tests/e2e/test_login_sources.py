"""Real clients log in as people whom the registry does not keep itself."""

import subprocess
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.directory import BASE, running_directory
from tests.e2e.client import client
from tests.e2e.server import running_registry
from tests.images import Image, ImageLayout
from tests.requirements import require_tool


@pytest.mark.tool("htpasswd")
@pytest.mark.tool("slapd")
@pytest.mark.tool("skopeo")
@pytest.mark.tool("crane")
@pytest.mark.tool("busybox")
def test_people_of_an_htpasswd_file_and_of_a_directory_push_to_what_is_theirs(tmp_path: Path, image: Image) -> None:
    file, layout = tmp_path / "htpasswd", ImageLayout(tmp_path / "layout")
    layout.put_image("one", image)
    htpasswd: list[str | Path] = [require_tool("htpasswd"), "-bB", "-C", "5"]
    subprocess.run([*htpasswd, "-c", file, "erin", "erins-password"], check=True, capture_output=True)
    authority = Authority.made_in(tmp_path / "authority")
    environment = {
        "REGISTRY_AUTH__MODE": "token",
        "REGISTRY_AUTH__HTPASSWD": str(file),
        "REGISTRY_AUTH__LDAP__START_TLS": "true",
        "REGISTRY_AUTH__LDAP__CA_FILE": str(authority.certificate),
        "REGISTRY_AUTH__LDAP__USER_DN": f"uid={{name}},{BASE}",
    }
    (tmp_path / "slapd").mkdir()
    with running_directory(tmp_path / "slapd", authority) as directory:
        environment["REGISTRY_AUTH__LDAP__URL"] = f"ldap://localhost:{directory.plain}"
        with running_registry(tmp_path / "registry", environment=environment) as registry:
            skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "skopeo")
            plain = ["--tls-verify=false", f"--authfile={tmp_path / 'auth.json'}"]
            push = ["copy", "--dest-tls-verify=false", f"--dest-authfile={tmp_path / 'auth.json'}"]
            source = f"oci:{layout.root}:one"
            skopeo.refused("login", *plain, "--username=frank", "--password=franks-password", registry.address)
            skopeo("login", *plain, "--username=erin", "--password=erins-password", registry.address)
            skopeo(*push, source, f"docker://{registry.address}/erin/app:1")
            skopeo.refused(*push, source, f"docker://{registry.address}/alice/app:1")

            subprocess.run([*htpasswd, file, "frank", "franks-password"], check=True, capture_output=True)
            skopeo("login", *plain, "--username=frank", "--password=franks-password", registry.address)

            crane = client(require_tool("crane"), home=tmp_path / "crane")
            crane("auth", "login", registry.address, "--username=alice", "--password=alice-password")
            crane("push", layout.root, f"{registry.address}/alice/app:1")
            assert "UNAUTHORIZED" in crane.refused("manifest", f"{registry.address}/erin/app:1")

    said = registry.log.read_text()
    assert "alice-password" not in said
    assert "erins-password" not in said
