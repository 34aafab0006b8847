"""Real clients of a registry that takes the tokens of another token server: that of a second Moorage."""

from pathlib import Path

import pytest

from tests.e2e.client import client
from tests.e2e.server import running_registry
from tests.images import Image, ImageLayout
from tests.requirements import require_tool

PASSWORD = "correct-horse-battery"


@pytest.mark.tool("skopeo")
@pytest.mark.tool("busybox")
def test_skopeo_logs_in_at_the_token_server_and_pushes_to_the_registry(tmp_path: Path, image: Image) -> None:
    layout = ImageLayout(tmp_path / "layout")
    layout.put_image("one", image)
    tokens = {"REGISTRY_AUTH__MODE": "token", "REGISTRY_AUTH__ADMIN_PASSWORD": PASSWORD}
    with running_registry(tmp_path / "tokens", environment=tokens) as server:
        trusting = {
            "REGISTRY_AUTH__MODE": "external",
            "REGISTRY_AUTH__EXTERNAL__REALM": f"http://{server.address}/token",
            "REGISTRY_AUTH__EXTERNAL__JWKS_URL": f"http://{server.address}/.well-known/jwks.json",
            "REGISTRY_EGRESS__ALLOW": "127.0.0.0/8",
        }
        with running_registry(tmp_path / "registry", environment=trusting) as registry:
            skopeo = client(require_tool("skopeo"), "--insecure-policy", home=tmp_path / "home")
            plain = ["--tls-verify=false", f"--authfile={tmp_path / 'auth.json'}"]
            push = ["copy", "--dest-tls-verify=false", f"--dest-authfile={tmp_path / 'auth.json'}"]
            image_there = f"docker://{registry.address}/team/app:1"
            skopeo.refused(*push, f"oci:{layout.root}:one", image_there)
            skopeo.refused("login", *plain, "--username=admin", "--password=wrong-horse", registry.address)

            skopeo("login", *plain, "--username=admin", f"--password={PASSWORD}", registry.address)
            skopeo(*push, f"oci:{layout.root}:one", image_there)

            assert layout.digest("one") in skopeo("inspect", *plain, image_there)
            assert registry.ask("/token").status == 404
            assert server.ask("/v2/team/app/tags/list").status == 401
