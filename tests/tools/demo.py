"""`make demo`: start a registry, then push and pull an image with a client of this machine, showing each step.

docker goes first where its daemon answers, then podman, then skopeo; with none of them this program speaks the
distribution API itself. The image is made here, the registry listens on the loopback interface and keeps its data in a
temporary directory: nothing comes from or goes to the internet, and nothing stays behind.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.e2e.server import RunningRegistry, running_registry
from tests.images import BUSYBOX, Content, Image, build_image, docker_archive, runnable_image
from tests.tools.showing import StepFailed, answers, say, step

REPOSITORY = "team/app"


def main() -> int:
    """Run the demonstration; 0 if what was pulled is what was pushed."""
    image = runnable_image("Hello from Moorage.\n") if BUSYBOX.exists() else build_image({"hello.txt": b"Hello.\n"})
    with tempfile.TemporaryDirectory(prefix="moorage-demo-") as scratch, running_registry(Path(scratch)) as registry:
        say(f"A registry listens on {registry.address}.")
        try:
            _demonstrate(registry, image, Path(scratch))
        except StepFailed as failure:
            say(f"The demonstration failed: {failure}")
            return 1
    say("What was pulled is what was pushed. The registry has stopped; nothing is left behind.")
    return 0


def _demonstrate(registry: RunningRegistry, image: Image, scratch: Path) -> None:
    name = f"{registry.address}/{REPOSITORY}:1"
    if answers("docker", "info"):
        _with_engine(["docker"], [], name, image, scratch)
    elif answers("podman", "version"):
        _with_engine(["podman"], ["--tls-verify=false"], name, image, scratch)
    elif answers("skopeo", "--version"):
        _with_skopeo(name, image, scratch)
    else:
        say("No client is installed, so the steps of one follow.")
        _with_requests(registry, image)
    say(f"The registry's own account of it (GET /v2/{REPOSITORY}/tags/list):")
    say(f"  {registry.ask(f'/v2/{REPOSITORY}/tags/list').body.decode().strip()}")
    say(f"  {REPOSITORY}:1 is {registry.digest(REPOSITORY, '1')}")


def _with_engine(engine: Sequence[str], plain_http: Sequence[str], name: str, image: Image, scratch: Path) -> None:
    try:
        step(*engine, "load", "--input", docker_archive(scratch / "image.tar", name, image))
        before = step(*engine, "image", "inspect", "--format", "{{.Id}}", name)
        step(*engine, "push", *plain_http, name)
        step(*engine, "rmi", name)
        step(*engine, "pull", *plain_http, name)
        _expect_equal(before, step(*engine, "image", "inspect", "--format", "{{.Id}}", name))
    finally:
        subprocess.run([*engine, "rmi", "--force", name], capture_output=True, check=False)


def _with_skopeo(name: str, image: Image, scratch: Path) -> None:
    archive = docker_archive(scratch / "image.tar", name, image)
    step("skopeo", "copy", "--dest-tls-verify=false", f"docker-archive:{archive}", f"docker://{name}")
    step("skopeo", "inspect", "--tls-verify=false", f"docker://{name}")
    step("skopeo", "copy", "--src-tls-verify=false", f"docker://{name}", f"dir:{scratch / 'pulled'}")
    manifest = json.loads((scratch / "pulled" / "manifest.json").read_bytes())
    _expect_equal(image.config.digest, manifest["config"]["digest"])


def _with_requests(registry: RunningRegistry, image: Image) -> None:
    origin = f"http://{registry.address}"
    for blob in (image.config, *image.layers):
        location = _request("POST", f"{origin}/v2/{REPOSITORY}/blobs/uploads/")["Location"]
        upload = location if location.startswith("http") else origin + location
        joint = "&" if "?" in upload else "?"
        _request("PUT", f"{upload}{joint}digest={blob.digest}", Content("application/octet-stream", blob.content))
    _request("PUT", f"{origin}/v2/{REPOSITORY}/manifests/1", image.manifest)
    for path in (f"manifests/{image.manifest.digest}", *(f"blobs/{layer.digest}" for layer in image.layers)):
        answer = registry.ask(f"/v2/{REPOSITORY}/{path}")
        say(f"$ GET {path}\n  {answer.status}, {len(answer.body)} bytes")
        _expect_equal(path.rpartition("/")[2], Content("", answer.body).digest)


def _request(method: str, url: str, body: Content | None = None) -> dict[str, str]:
    headers = {"Content-Type": body.media_type} if body else {}
    request = Request(url, method=method, data=body.content if body else b"", headers=headers)
    try:
        with urlopen(request, timeout=30) as response:
            say(f"$ {method} {url}\n  {response.status} {response.reason}")
            return dict(response.headers)
    except HTTPError as error:
        raise StepFailed(f"{method} {url} was answered with {error.code}: {error.read().decode()}") from error


def _expect_equal(pushed: str, pulled: str) -> None:
    if pushed != pulled:
        raise StepFailed(f"{pushed} was pushed, but {pulled} was pulled")


if __name__ == "__main__":
    sys.exit(main())
