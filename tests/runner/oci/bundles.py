"""Bundles of busybox, and the runtime that is tested with them, as its users call it."""

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.cgroups import group, hierarchies
from tests.images import BUSYBOX

Document = dict[str, Any]

LAUNCHER = Path(__file__).parents[3] / "runner" / "oci" / "launch.py"
COMMAND = (sys.executable, "-I", "-S", str(LAUNCHER))
APPLETS = (
    "cat", "chmod", "cut", "date", "echo", "env", "grep", "hostname", "id", "kill", "ln", "ls", "mkdir", "mknod",
    "mount", "mv", "ps", "readlink", "rm", "sed", "sh", "sleep", "stat", "touch", "true", "tty", "umount",
)  # fmt: skip
CAPABILITIES = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]
NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")


def default_config(cgroup: str) -> Document:
    """What engines ask for, nearly."""
    return {
        "ociVersion": "1.0.2",
        "hostname": "box",
        "root": {"path": "rootfs"},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), CAPABILITIES),
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]},
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
            },
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "namespaces": [{"type": kind} for kind in NAMESPACES],
            "maskedPaths": ["/proc/keys", "/proc/acpi", "/sys/firmware", "/proc/not-there"],
            "readonlyPaths": ["/proc/sys", "/proc/irq"],
        },
    }


class Box:
    """One container: its bundle, and the commands about it. The root file system is its own, so it may be changed."""

    def __init__(self, bundle: Path, runtime: "Runtime", container: str) -> None:
        self.bundle = bundle
        self.runtime = runtime
        self.id = container
        self.config = default_config(f"{runtime.parent}/{container}")

    @property
    def rootfs(self) -> Path:
        return self.bundle / "rootfs"

    @property
    def process(self) -> Document:
        process: Document = self.config["process"]
        return process

    @property
    def linux(self) -> Document:
        linux: Document = self.config["linux"]
        return linux

    def namespaces(self, **paths: Path | str | None) -> None:
        """Replace the path of a kind of namespaces; None takes the kind away, "" makes a new one."""
        kept = [each for each in self.linux["namespaces"] if each["type"] not in paths]
        named = [
            {"type": kind, **({"path": str(path)} if path else {})} for kind, path in paths.items() if path is not None
        ]
        self.linux["namespaces"] = [*kept, *named]

    def mounted(self, destination: str, source: Path | str, *options: str, kind: str = "bind") -> None:
        self.config["mounts"].append(
            {"destination": destination, "type": kind, "source": str(source), "options": list(options)}
        )

    def shell(self, script: str) -> "Box":
        self.process["args"] = ["/bin/sh", "-c", script]
        return self

    def write(self) -> None:
        (self.bundle / "config.json").write_text(json.dumps(self.config))

    def run(self, *flags: str, status: int | None = 0, **options: Any) -> str:
        """Run it in the foreground; what it printed."""
        self.write()
        return self.runtime("run", "--bundle", self.bundle, *flags, self.id, status=status, **options)

    def create(self, *flags: str, status: int | None = 0) -> str:
        self.write()
        return self.runtime("create", "--bundle", self.bundle, *flags, self.id, status=status)

    def start(self, status: int | None = 0) -> str:
        return self.runtime("start", self.id, status=status)

    def exec(self, *words: str, status: int | None = 0) -> str:
        return self.runtime("exec", self.id, *words, status=status)

    def state(self) -> Document:
        state: Document = json.loads(self.runtime("state", self.id))
        return state

    def delete(self, *flags: str, status: int | None = 0) -> str:
        return self.runtime("delete", *flags, self.id, status=status)

    def sharing(self) -> "Box":
        """Another container with the same configuration so far, and the same root file system."""
        other = self.runtime.box(rootfs=self.rootfs)
        cgroup = other.linux["cgroupsPath"]
        other.config = copy.deepcopy(self.config)
        other.config["root"]["path"] = str(self.rootfs)
        other.linux["cgroupsPath"] = cgroup
        return other


class Runtime:
    """The command, with a place of its own for state and for cgroups."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.parent = f"/moorage-oci-{os.getpid()}"
        self._boxes = 0

    @property
    def root(self) -> Path:
        return self.home / "state"

    def command(self, *words: str | Path) -> list[str]:
        return [*COMMAND, "--root", str(self.root), *map(str, words)]

    def __call__(self, *words: str | Path, status: int | None = 0, **options: Any) -> str:
        """Call it; what it printed, both streams in one. With a status of None any is right."""
        # Not a pipe: the container has it, too, and may go on when the command has ended.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                self.command(*words),
                check=False,
                stdin=options.pop("stdin", subprocess.DEVNULL),
                stdout=output,
                stderr=subprocess.STDOUT,
                **options,
            )
            output.seek(0)
            printed = output.read()
        assert status is None or done.returncode == status, printed
        return printed

    def box(self, *, rootfs: Path | None = None) -> Box:
        """A new bundle; with a root file system of its own, unless one is given."""
        self._boxes += 1
        bundle = self.home / f"bundle-{self._boxes}"
        bundle.mkdir()
        if rootfs is None:
            make_rootfs(bundle / "rootfs")
        return Box(bundle, self, f"box-{os.getpid()}-{self._boxes}")

    def names(self) -> list[str]:
        return self("list", "--quiet").split()

    def clear(self) -> None:
        """End and delete all containers."""
        for name in self.names():
            self("delete", "--force", name)
        group.find(hierarchies.detect(), self.parent).delete()

    def left(self) -> list[str]:
        """What of the containers is still there: directories, cgroups, mounts."""
        mounted = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(self.home) in line]
        cgroups = [
            str(place)
            for hierarchy in hierarchies.detect().hierarchies
            if (place := Path(hierarchy.mount + self.parent)).exists()
        ]
        states = [str(path) for path in self.root.glob("*")] if self.root.exists() else []
        return [*mounted, *cgroups, *states]


def make_rootfs(place: Path) -> None:
    """A root file system with busybox in it."""
    for folder in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (place / folder).mkdir(parents=True)
    shutil.copy(BUSYBOX, place / "bin" / "busybox")
    for name in APPLETS:
        (place / "bin" / name).symlink_to("busybox")


MakeBox = Callable[[], Box]
