"""A virtual machine with a kernel of Debian's, emulated, so that it needs nothing of the host's processor.

It has what this host may lack: cgroups of version 2 alone, and kinds of links. Its root is the host's, read-only,
beneath a layer in memory: tests, interpreter and programs are those of the run outside. It has no network.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.emulation.initramfs import initramfs
from tests.images import BUSYBOX
from tests.requirements import require_root, require_tool, tools_directory
from tests.waiting import until

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
# Debian 12 has it beside QEMU, later ones in a package of its own.
VIRTIOFSD = (Path("/usr/lib/qemu/virtiofsd"), Path("/usr/libexec/virtiofsd"))
KERNEL_WORDS = "console=ttyS0 quiet mitigations=off panic=-1"
MEMORY = "1G"
DISK_SIZE = 16 * 1024 * 1024
# Forty seconds on a machine that does nothing else.
DEADLINE_S = 800


class Failed(Exception):
    """The machine did not come to its end; the text says what it wrote last."""


def run_tests(python: str, tests: Sequence[str]) -> str:
    """Boot the machine, have `python` run tests of this repository in it, by their node ids, and switch it off.

    Returns:
        The report, in JUnit's form, and behind it a comment with the exit status of pytest.

    Raises:
        Failed: there is none.
    """
    require_root()
    require_tool("busybox")
    qemu, kernel = require_tool("qemu-system-x86_64"), _kernel()
    modules = next(kernel.glob("lib/modules/*"))
    with tempfile.TemporaryDirectory(prefix="moorage-emulation-") as name, _shared_root(Path(name) / "root") as root:
        scratch = Path(name)
        (scratch / "initramfs").write_bytes(initramfs(HERE / "init", BUSYBOX, modules))
        (scratch / "disk").write_bytes(bytes(DISK_SIZE))
        (scratch / "tests").write_text("\n".join(tests))
        words = {
            "guest": HERE / "guest", "modules": modules, "python": python, "repository": REPOSITORY,
            "tests": scratch / "tests", "tools": tools_directory(),
        }  # fmt: skip
        command = (
            qemu, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", MEMORY,
            # The server of the root reads and writes the machine's memory.
            "-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on", "-numa", "node,memdev=memory",
            "-chardev", f"socket,id=root,path={root}", "-device", "vhost-user-fs-pci,chardev=root,tag=host",
            "-drive", f"file={scratch / 'disk'},format=raw,if=virtio",
            "-kernel", next(kernel.glob("boot/vmlinuz-*")), "-initrd", scratch / "initramfs",
            "-append", " ".join((KERNEL_WORDS, *(f"{name}={value}" for name, value in words.items()))),
            "-serial", f"file:{scratch / 'console'}", "-serial", f"file:{scratch / 'report'}",
        )  # fmt: skip
        _run(command)
        report = (scratch / "report").read_text(errors="replace")
        if "<!--status" not in report:
            raise Failed((scratch / "console").read_text(errors="replace")[-4000:])
        return report


def _run(command: Sequence[str | Path]) -> None:
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S, check=False)
    except subprocess.TimeoutExpired:
        # What it wrote until now tells more than that.
        return


def _kernel() -> Path:
    kernel = tools_directory() / "kernel"
    if not kernel.exists():
        pytest.skip("there is no kernel for the virtual machine; `make tools` gets one")
    return kernel


@contextmanager
def _shared_root(socket: Path) -> Iterator[Path]:
    """The server of the host's root, at a socket."""
    program = next((each for each in VIRTIOFSD if each.exists()), None)
    if program is None:
        pytest.skip("virtiofsd is not installed; Debian: apt-get install virtiofsd")
    # In a namespace of its own it could not have the host's root as its root.
    options = ("-o", "source=/", "-o", "sandbox=chroot", "-o", "cache=always")
    with subprocess.Popen(
        [program, f"--socket-path={socket}", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            until(lambda: server.poll() is not None or _listens(socket))
            assert server.poll() is None, "virtiofsd has ended"
            yield socket
        finally:
            server.kill()


def _listens(socket: Path) -> bool:
    """Whether somebody does; the socket is there before, and who connects to it then is refused."""
    listening = "00010000"
    sockets = (line.split() for line in Path("/proc/net/unix").read_text().splitlines())
    return any(fields[3] == listening and fields[-1] == str(socket) for fields in sockets)
