"""The second half of `make demo`: an image is made, pushed, pulled, and run in containers, without a daemon.

The registry wants everybody to log in. `runner` makes the image from a directory; where docker's daemon answers, docker
makes and pushes one as well. The containers have a network of the demonstration's own, and images and containers a
directory of their own: nothing comes from or goes to the internet, and nothing stays behind.
"""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.e2e.server import RunningRegistry, running_registry
from tests.images import BUSYBOX
from tests.network_namespaces import network_namespace
from tests.requirements import find_tool
from tests.tools.showing import StepFailed, answers, say, step

RUNNER = Path(sys.executable).with_name("runner")
APPLETS = ("cat", "dd", "grep", "hostname", "httpd", "id", "ps", "seq", "sh", "sleep", "true", "wget")
PAGE = "Hello from a container.\n"
NEEDED = ("busybox", "ip", "nft", "nsenter")
PORT = 8080
URL = f"http://127.0.0.1:{PORT}/"


def main() -> int:
    """Run the demonstration; 0 if everything came as it should, or if this machine cannot show it, and is told so."""
    missing = [name for name in NEEDED if find_tool(name) is None]
    if os.geteuid() != 0 or missing:
        say(f"To see containers as well: make demo as root{''.join(f', with {name}' for name in missing)}.")
        return 0
    password = secrets.token_urlsafe(12)
    accounts = {"REGISTRY_AUTH__MODE": "token", "REGISTRY_AUTH__ADMIN_PASSWORD": password}
    with (
        tempfile.TemporaryDirectory(prefix="moorage-demo-") as scratch,
        running_registry(Path(scratch) / "registry", environment=accounts) as registry,
        network_namespace() as network,
    ):
        say(f"\nA registry in which everybody has to log in listens on {registry.address}.")
        try:
            _Demonstration(registry, Path(scratch), network, password).go()
        except StepFailed as failure:
            say(f"The demonstration failed: {failure}")
            return 1
    say("Containers, image and registry are gone; nothing is left behind.")
    return 0


class _Demonstration:
    def __init__(self, registry: RunningRegistry, scratch: Path, network: str, password: str) -> None:
        self._address = registry.address
        self._name = f"{registry.address}/admin/web:1"
        self._scratch = scratch
        self._password = password
        self._inside: Sequence[str | Path] = (find_tool("nsenter") or "nsenter", f"--net=/run/netns/{network}")
        # Logins are not to be those of whoever looks on.
        self._environment = {**os.environ, "DOCKER_CONFIG": str(scratch / "docker"), "HOME": str(scratch)}

    def go(self) -> None:
        rootfs = self._make_rootfs()
        self._push_and_pull(rootfs)
        if answers("docker", "info"):
            self._with_docker(rootfs)
        try:
            self._show_limits()
            self._serve()
        finally:
            for name in self._runner("ps", "--all", "--quiet").split():
                self._runner("rm", "--force", name)
        self._runner("rmi", self._name)

    def _make_rootfs(self) -> Path:
        say("An image is made of a directory: busybox, its names, and a page.")
        rootfs = self._scratch / "rootfs"
        for folder in ("bin", "dev", "etc", "proc", "sys", "tmp", "www"):
            (rootfs / folder).mkdir(parents=True)
        (rootfs / "bin" / "busybox").write_bytes(BUSYBOX.read_bytes())
        (rootfs / "bin" / "busybox").chmod(0o755)
        for applet in APPLETS:
            (rootfs / "bin" / applet).symlink_to("busybox")
        (rootfs / "www" / "index.html").write_text(PAGE)
        return rootfs

    def _push_and_pull(self, rootfs: Path) -> None:
        changes = ("--change", "ENV PATH=/bin", "--change", 'CMD ["httpd", "-f", "-p", "80", "-h", "/www"]')
        made = self._runner("import", *changes, rootfs, self._name)
        self._runner("login", "--username", "admin", "--password-stdin", self._address, stdin=self._password)
        self._runner("push", "--quiet", self._name)
        self._runner("rmi", self._name)
        self._runner("pull", "--quiet", self._name)
        _expect(self._runner("inspect", "--format", "{{.Id}}", self._name) == made, "another image came back")

    def _with_docker(self, rootfs: Path) -> None:
        say("docker makes and pushes an image, and runner runs it.")
        archive = self._scratch / "rootfs.tar"
        step("tar", "--create", "--file", archive, "--directory", rootfs, ".")
        name = f"{self._address}/admin/docker:1"
        docker = partial(step, "docker", environment=self._environment)
        try:
            docker("import", "--change", "ENV PATH=/bin", archive, name)
            login = ("login", "--username", "admin", "--password-stdin", self._address)
            docker(*login, stdin=self._password)
            docker("push", "--quiet", name)
        finally:
            docker("rmi", "--force", name)
        self._runner("pull", "--quiet", name)
        printed = self._runner("run", "--rm", "--network", "none", name, "cat", "/www/index.html")
        _expect(printed == PAGE.strip(), "docker's image holds another page")
        self._runner("rmi", name)

    def _show_limits(self) -> None:
        alone = ("run", "--rm", "--network", "none")
        say("Whoever takes more memory than it may is ended: 137 is 128 and the number of SIGKILL.")
        self._runner(*alone, "--memory", "32m", self._name, "dd", "if=/dev/zero", "of=/dev/null", "bs=99M", status=137)
        say("Whoever starts more processes than it may does not get them.")
        many = "for i in $(seq 20); do sleep 60 & done"
        printed = self._runner(*alone, "--pids-limit", "8", self._name, "sh", "-c", many, status=2)
        _expect("can't fork" in printed, "all processes were started")
        say("Whoever wants more of the processor than it may waits: in how many periods, the kernel counts.")
        # Where the file is depends on the version of cgroups. Where others want the processor as well, it takes a while
        # to have so much of it.
        waited = "grep -hs nr_throttled /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/* | grep -v ' 0$'"
        busy = f"for i in $(seq 60); do {waited} && exit; for j in $(seq 20000); do true; done; done; exit 1"
        self._runner(*alone, "--cpus", "0.1", self._name, "sh", "-c", busy)

    def _serve(self) -> None:
        say("A server in the background is reached on a published port.")
        published = f"127.0.0.1:{PORT}:80"
        limits = ("--memory", "64m", "--cpus", "0.5", "--pids-limit", "50")
        self._runner("run", "--detach", "--name", "web", *limits, "--publish", published, self._name)
        wget = [*self._inside, BUSYBOX, "wget"]
        self._wait_until_answered(wget)
        page = step("wget", "-q", "-O", "-", URL, instead=wget)
        _expect(page == PAGE.strip(), "the container answered something else")
        self._runner("ps")
        printed = self._runner("exec", "web", "ps")
        _expect("httpd -f" in printed, "there is no server in the container")
        self._runner("stop", "--time", "1", "web")
        self._runner("rm", "web")

    def _wait_until_answered(self, wget: Sequence[str | Path]) -> None:
        deadline = time.monotonic() + 60
        while subprocess.run([*wget, "-q", "-O", "/dev/null", URL], stderr=subprocess.DEVNULL, check=False).returncode:
            _expect(time.monotonic() < deadline, "the container does not answer")

    def _runner(self, *words: str | Path, status: int = 0, stdin: str = "") -> str:
        places = ("--root", self._scratch / "images", "--state", self._scratch / "state")
        # The registry is in the machine's network, containers are in their own.
        inside = self._inside if words[0] in {"exec", "ps", "rm", "run", "stop"} else ()
        command = [*inside, RUNNER, *places]
        return step("runner", *words, instead=command, status=status, stdin=stdin, environment=self._environment)


def _expect(is_so: bool, complaint: str) -> None:
    if not is_so:
        raise StepFailed(complaint)


if __name__ == "__main__":
    sys.exit(main())
