"""The same words make nearly the same bundle as dockerd makes, and where they do not, it is said here why (root)."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.bundles import facts
from runner.bundles.image_defaults import read_defaults
from runner.bundles.making import make
from runner.bundles.merging import merge
from runner.bundles.place import Place
from tests.e2e.client import Client, client
from tests.e2e.daemons import running_dockerd
from tests.images import BUSYBOX, Image, build_image, docker_archive
from tests.requirements import require_root, require_tool
from tests.runner.bundles.hosts import opened
from tests.runner.cli.creation.asking import settings

pytestmark = [
    pytest.mark.root, pytest.mark.tool("dockerd"), pytest.mark.tool("docker"), pytest.mark.tool("busybox"),
]  # fmt: skip

Document = dict[str, Any]

FILES = {
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
    "etc/group": b"root:x:0:\napp:x:1000:\naudio:x:29:app\nvideo:x:44:\n",
}

WORDS = [
    "",
    "-e A=1 -e PATH=/bin -w /srv/app -u app:audio --group-add video --hostname box",
    "-u 1000 --cap-drop ALL --cap-add NET_ADMIN --cap-add CHOWN --security-opt no-new-privileges",
    "--memory 64m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids-limit 50 --memory-reservation 32m --shm-size 1m",
    "--ulimit nofile=50:60 --sysctl net.core.somaxconn=99 --oom-score-adj 100 --read-only --device /dev/fuse:/dev/f:r",
    "--tmpfs /run/small:size=64k --mount type=tmpfs,dst=/other,tmpfs-mode=1770 -v /usr:/host:ro -v /var:/var/host",
    "--pid host --ipc host --uts host --entrypoint /bin/busybox",
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined --ipc none -t",
]


@pytest.fixture(scope="module")
def image() -> Image:
    return build_image({"bin/busybox": BUSYBOX.read_bytes(), **FILES}, command=["/bin/busybox", "sleep", "1000"])


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Iterator[tuple[Client, Path]]:
    """A client of a daemon with the image, and where the daemon has the configurations of its containers."""
    require_root()
    with running_dockerd(require_tool("dockerd")) as listener:
        home = tmp_path_factory.mktemp("docker")
        own = client(require_tool("docker"), "--host", f"unix://{listener}", home=home)
        own("load", "--input", docker_archive(home / "image.tar", "sleeper:1", image))
        yield own, listener.parent / "exec/containerd/daemon/io.containerd.runtime.v2.task/moby"


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rootfs")
    (folder / "etc").mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("words", WORDS)
def test_a_bundle_is_dockers_but_for_what_is_told_here(
    words: str, docker: tuple[Client, Path], image: Image, rootfs: Path
) -> None:
    program = ["sleep", "1000"] if "--entrypoint" in words else []
    every = [*shlex.split(words), "--network=none", "sleeper:1", *program]
    run, bundles = docker
    container = run("run", "--detach", *every).strip()
    theirs: Document = json.loads((bundles / container / "config.json").read_text())
    run("rm", "--force", container)

    merged = merge(settings(*every), read_defaults(image.config.content))
    with opened(rootfs) as root:
        place = Place(container, str(rootfs), root, f"/docker/{container}", "/hosts", "/hostname", "/resolv")
        made = make(merged, place, facts.look())

    assert of(json.loads(json.dumps(made.document))) == of(theirs)


def of(document: Document) -> Document:
    """What two bundles are compared by."""
    process, linux = document["process"], document["linux"]
    resources = linux["resources"]
    return {
        "args": process["args"],
        "cwd": process["cwd"],
        # With the host's name for the container, dockerd still tells its programs another one.
        "env": sorted(text for text in process["env"] if "hostname" in document or not text.startswith("HOSTNAME=")),
        "user": process["user"]["uid"] * 100_000 + process["user"]["gid"],
        # dockerd of before version 20.10.18 leaves out the group of the user itself.
        "groups": sorted({*process["user"].get("additionalGids", []), process["user"]["gid"]}),
        "capabilities": {name: sorted(names) for name, names in process["capabilities"].items() if names},
        "limits": process.get("rlimits", []),
        "privileges": bool(process.get("noNewPrivileges")),
        # Whoever asks for nothing keeps the runner's own; dockerd sets it back to 0.
        "oom": process.get("oomScoreAdj") or 0,
        "terminal": bool(process.get("terminal")),
        "hostname": document.get("hostname", ""),
        "read only": bool(document["root"].get("readonly")),
        "mounts": dict(map(_mount, document["mounts"])),
        "namespaces": sorted(each["type"] for each in linux["namespaces"] if each["type"] not in {"cgroup", "network"}),
        "sysctls": linux.get("sysctl", {}),
        "filter": "seccomp" in linux,
        "devices": sorted(each["path"] for each in linux.get("devices") or []),
        "rules": [rule for rule in resources.get("devices", []) if rule.get("major") == 10 and rule["allow"]],
        "memory": _without(resources.get("memory", {}), "disableOOMKiller"),
        "cpu": _without(resources.get("cpu", {})),
        "pids": resources.get("pids", {}).get("limit") or None,
        # Newer versions hide more than this one.
        "hidden": set(linux.get("maskedPaths") or []) - {"/proc/interrupts", "/sys/devices/virtual/powercap"},
        "read only paths": sorted(linux.get("readonlyPaths") or []),
    }


def _without(section: Document, *names: str) -> Document:
    return {name: value for name, value in section.items() if value and name not in names}


def _mount(each: Document) -> tuple[str, object]:
    options = {*each.get("options", ())}
    if each["destination"] == "/dev/shm" and "rbind" not in options:
        # dockerd mounts it on the host, and binds it.
        return each["destination"], "private"
    source = each["source"] if each["type"] == "bind" and not each["destination"].startswith("/etc/") else ""
    # Words for what is as usual; and read-only binds hide what is mounted in them from newer versions only.
    return each["destination"], (each["type"], source, sorted(options - {"rprivate", "rbind", "bind", "rw", "rro"}))
