"""Bundles as they are run: by the runner's own runtime, and where it is there, by another one (root).

What images and flags have been used for to leave a container has its test here, by its name.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.bundles import facts, init_program
from runner.bundles.image_defaults import ImageDefaults
from runner.bundles.making import make
from runner.bundles.merging import merge
from runner.bundles.place import Place
from runner.containers import settings as of
from runner.containers.settings import Network, Settings
from tests.requirements import require_tool
from tests.runner.bundles.hosts import opened
from tests.runner.oci.bundles import Runtime, make_rootfs

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox")]

NOBODY = Network(mode="none")


class Runner:
    """Makes bundles of settings and images, and has a runtime run them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.rootfs = home / "rootfs"
        make_rootfs(self.rootfs)
        (self.rootfs / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\napp:x:1000:\naudio:x:29:app\n")
        self.runtime = Runtime(home)
        self.program: str | None = None
        self.files = {name: home / name for name in ("hosts", "hostname", "resolv_conf")}
        for name, file in self.files.items():
            file.write_text(f"{name} of the runner\n")
        self._count = 0

    def __call__(
        self,
        script: str,
        settings: Settings | None = None,
        image: ImageDefaults | None = None,
        *,
        status: int | None = 0,
        **more: object,
    ) -> str:
        """What a shell says in a container."""
        asked = settings or Settings("image", network=NOBODY)
        asked = asked._replace(entrypoint=(), command=("/bin/sh", "-c", script))
        return self.run(merge(asked, image or ImageDefaults()), status, **more)

    def run(self, settings: Settings, status: int | None = 0, **more: object) -> str:
        """What a container says."""
        self._count += 1
        name = f"bundle-{os.getpid()}-{self._count}"
        folder = self.home / name
        folder.mkdir()
        paths = {name: str(file) for name, file in self.files.items()}
        with opened(self.rootfs) as root:
            place = Place(name, str(self.rootfs), root, f"{self.runtime.parent}/{name}", **paths, **more)  # type: ignore[arg-type]
            made = make(settings, place, facts.look())
        (folder / "config.json").write_text(json.dumps(made.document))
        if self.program is None:
            return self.runtime("run", "--bundle", str(folder), name, status=status)
        done = subprocess.run(
            [self.program, "--root", str(self.home / "other"), "run", "--bundle", str(folder), name],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert status is None or done.returncode == status, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    # A container's users must be able to come to their root.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid != 0 or folder == Path("/"):
            break
        folder.chmod(folder.stat().st_mode | 0o111)
    runner = Runner(tmp_path)
    yield runner
    runner.runtime.clear()
    # runc also makes cgroups where nothing is limited.
    for left in Path("/sys/fs/cgroup").glob(f"*{runner.runtime.parent}"):
        left.rmdir()
    assert [entry for entry in runner.runtime.left() if not entry.endswith(".seccomp")] == []


USUAL_FACTS = """
    cat /etc/hosts /etc/hostname /etc/resolv.conf; hostname; pwd; id -u; id -g; id -G; echo "$A"
    grep -E '^(NoNewPrivs|Seccomp|CapBnd|CapEff|CapInh|CapAmb):' /proc/self/status
    ls /dev; ls /proc/self/fd; readlink /proc/self/ns/pid > /dev/null; ls / | grep -c srv
"""


@pytest.mark.parametrize("program", [None, "runc"])
def test_a_container_is_what_its_settings_say(runner: Runner, program: str | None) -> None:
    runner.program = program and str(require_tool(program))
    settings = Settings(
        "image", network=NOBODY, hostname="box", user="app", working_directory="/srv/app", environment=("A=1",)
    )

    printed = runner(USUAL_FACTS, settings)

    lines = printed.splitlines()
    assert lines[:3] == ["hosts of the runner", "hostname of the runner", "resolv_conf of the runner"]
    assert lines[3:9] == ["box", "/srv/app", "1000", "1000", "1000 29", "1"]
    status = dict(line.split(":\t") for line in lines[9:15])
    assert (status["CapEff"], status["CapInh"], status["CapAmb"]) == ("0" * 16, "0" * 16, "0" * 16)
    assert status["CapBnd"] == "00000000a80425fb"
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("0", "2")
    devices, descriptors = lines[15:-5], lines[-5:-1]
    assert {"null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "mqueue"} <= {*devices}
    assert not {"sda", "vda", "mem", "kmsg", "fuse"} & {*devices}
    assert descriptors == ["0", "1", "2", "3"]


def test_limits_are_those_that_were_asked_for(runner: Runner) -> None:
    settings = Settings(
        "image",
        network=NOBODY,
        resources=of.Resources(memory=64 << 20, nano_cpus=500_000_000, pids=50),
        ulimits=(of.Ulimit("nofile", 50, 60), of.Ulimit("core", 0, 0)),
        security=of.Security(no_new_privileges=True, capabilities_dropped=("ALL",), capabilities_added=("CAP_KILL",)),
    )

    printed = runner(
        "ulimit -n; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status;"
        "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes memory.max pids/pids.max pids.max 2>/dev/null",
        settings,
        status=None,
    )

    assert printed.split() == ["50", "CapEff:", "0000000000000020", "NoNewPrivs:", "1", str(64 << 20), "50"]


def test_mounts_are_those_that_were_asked_for(runner: Runner, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "sub").mkdir(parents=True)
    mounts = (
        of.Mount(of.BIND, "/ro", str(shared), read_only=True),
        of.Mount(of.BIND, "/rw", str(shared)),
        of.Mount(of.TMPFS, "/run/small", options=("size=64k", "mode=1777")),
        of.Mount(of.VOLUME, "/data"),
        of.Mount(of.BIND, "/etc/one", str(shared / "file")),
    )
    (shared / "file").write_text("one file\n")
    volume = tmp_path / "volume"
    volume.mkdir()

    printed = runner(
        "touch /ro/x 2>/dev/null || echo refused; touch /rw/x /data/x; cat /etc/one; grep -c small /proc/mounts;"
        "touch /bin/x 2>/dev/null || echo refused",
        Settings("image", network=NOBODY, mounts=mounts, read_only=True),
        volumes={"/data": str(volume)},
    )

    assert printed.split("\n") == ["refused", "one file", "1", "refused", ""]
    assert (shared / "x").exists()
    assert (volume / "x").exists()


def test_a_device_is_used_as_far_as_it_is_allowed(runner: Runner) -> None:
    fuse = of.Device("/dev/fuse", "/dev/mine", "r")

    printed = runner(
        "(: </dev/mine) && echo read; (: >/dev/mine) && echo written; ls /dev/fuse",
        Settings("image", network=NOBODY, devices=(fuse,)),
        status=None,
    )

    assert printed.splitlines()[0] == "read"
    assert "written" not in printed
    assert "Operation not permitted" in printed


def test_init_reaps_and_passes_the_status_on(runner: Runner) -> None:
    settings = Settings("image", network=NOBODY, init=True)

    printed = runner("cat /proc/1/cmdline; exit 7", settings, status=7, init=init_program.find())

    assert printed.startswith("/sbin/docker-init\0--\0/bin/sh")


def test_the_hosts_namespaces_are_shared_if_it_is_asked_for(runner: Runner) -> None:
    spaces = of.Namespaces(pid="host", ipc="host", uts="host")
    kinds = ("pid", "net", "ipc", "uts")

    printed = runner(
        f"for kind in {' '.join(kinds)}; do readlink /proc/self/ns/$kind; done",
        Settings("image", network=Network(mode="host"), namespaces=spaces),
    )

    assert printed.split() == [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in kinds]


# Known ways out


def test_a_device_of_the_hosts_can_be_made_and_not_used(runner: Runner) -> None:
    disk = next((line.split()[:3] for line in Path("/proc/partitions").read_text().splitlines()[2:]), None)
    major, minor = (disk[0], disk[1]) if disk else ("8", "0")

    printed = runner(f"mknod /disk b {major} {minor}; cat /disk > /dev/null", status=1)

    assert "Operation not permitted" in printed
    (runner.rootfs / "disk").unlink()


def test_what_changes_the_host_by_proc_and_sys_cannot_be_written(runner: Runner) -> None:
    paths = (
        "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/panic_on_oom", "/proc/fs",
        "/proc/irq/default_smp_affinity", "/proc/sys/fs/binfmt_misc/register", "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs", "/sys/power/state",
    )  # fmt: skip

    printed = runner(f"for path in {' '.join(paths)}; do echo 0 > $path && echo written; done", status=None)

    assert "written" not in printed
    assert len(printed.splitlines()) == len(paths)


def test_what_tells_of_the_host_is_hidden(runner: Runner) -> None:
    printed = runner(
        "cat /proc/kcore /proc/keys /proc/timer_list 2>&1 | wc -c; ls /sys/firmware /proc/scsi 2>/dev/null | wc -l"
    )

    assert int(printed.split()[0]) < 200


def to_the_host(runner: Runner) -> str:
    outside = runner.home / "outside"
    outside.mkdir()
    (runner.rootfs / "link").symlink_to(outside)
    return "/link/x"


def upwards(runner: Runner) -> str:
    (runner.rootfs / "up").symlink_to("../../../../../../../../../../../../../../../" + str(runner.home / "outside"))
    (runner.home / "outside").mkdir()
    return "/up/x"


def by_dots(runner: Runner) -> str:
    (runner.home / "outside").mkdir()
    return "/../../outside/x"


@pytest.mark.parametrize("plant", [to_the_host, upwards, by_dots])
def test_a_volume_of_the_image_makes_nothing_outside(plant: Callable[[Runner], str], runner: Runner) -> None:
    path = plant(runner)
    volume = runner.home / "volume"
    volume.mkdir()
    image = ImageDefaults(volumes=(path,))
    destination = merge(Settings("x", command=("x",)), image).mounts[0].destination

    runner("true", image=image, volumes={destination: str(volume)})

    assert list((runner.home / "outside").iterdir()) == []


@pytest.mark.parametrize("number", [3, 4, 6, 8])
def test_a_working_directory_of_the_image_that_is_a_descriptor_shows_nothing(number: int, runner: Runner) -> None:
    image = ImageDefaults(working_directory=f"/proc/self/fd/{number}")

    printed = runner("ls ../../../../../..; pwd", image=image, status=None)

    assert "root" not in printed.split()
    assert "boot" not in printed.split()


def test_variables_of_the_image_reach_no_program_of_the_hosts(runner: Runner) -> None:
    evil = runner.rootfs / "evil.so"
    evil.write_text("")
    image = ImageDefaults(environment=("LD_PRELOAD=/evil.so", "PYTHONPATH=/", "PYTHONSTARTUP=/evil.so", "BASH_ENV=/x"))

    printed = runner('echo "$PYTHONPATH"', image=image)

    assert printed.splitlines()[-1] == "/"


def test_the_etc_of_an_image_may_be_a_link_and_gets_its_files_inside(runner: Runner) -> None:
    outside = runner.home / "outside"
    outside.mkdir()
    shutil.move(runner.rootfs / "etc", runner.rootfs / "elsewhere")
    (runner.rootfs / "etc").symlink_to(outside)

    printed = runner("cat /etc/hosts", Settings("image", network=NOBODY, user="0"), status=None)

    assert "hosts of the runner" in printed
    assert list(outside.iterdir()) == []
