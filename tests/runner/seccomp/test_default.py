"""The default profile: what it is for, in a real process, and how it differs from those of Docker and podman."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import runner
from runner.seccomp import default
from runner.seccomp.compiler import TABLES, compile_profile
from runner.seccomp.engine_format import resolve
from runner.seccomp.profile import ALLOW, ERRNO, SeccompProfile
from tests.e2e.client import Client, client
from tests.e2e.daemons import running_dockerd
from tests.images import docker_archive, runnable_image
from tests.requirements import require_root, require_tool
from tests.runner.seccomp.interpreter import run

PODMANS = Path("/usr/share/containers/seccomp.json")
ROOT = str(Path(runner.__file__).parent.parent)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What a container has unless its user says otherwise.
USUAL = words("""
    CAP_AUDIT_WRITE CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_KILL CAP_MKNOD CAP_NET_BIND_SERVICE CAP_NET_RAW
    CAP_SETFCAP CAP_SETGID CAP_SETPCAP CAP_SETUID CAP_SYS_CHROOT
""")
EVERY_CAPABILITY = USUAL | set(default._WITH_CAPABILITY)
ARGUMENTS = {
    "clone": [(0x11,), (0x10000011,), (0x02000000,), (0x40000000,)],
    "personality": [(0,), (8,), (0x20000,), (0x20008,), (0xFFFFFFFF,), (0x0040000,), (0x10000000000,)],
    "socket": [(family,) for family in range(46)],
}

# Newer than the packaged profiles, whose calls were all known when they were written. Each acts on what the caller has:
# they are newer forms of calls that both engines allow.
NEWER = words("""
    cachestat fchmodat2 file_getattr file_setattr futex_requeue futex_wait futex_waitv futex_wake getxattrat listmount
    listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr map_shadow_stack mseal removexattrat setxattrat
    statmount
""")
# The kernel makes these calls in the name of a program that is traced by uprobes; refusing them would kill it.
OF_THE_KERNEL = words("uprobe uretprobe")
# podman lets these pass because the kernel asks for the capability as well. So do we, with the capability: a filter is
# there for the day when the kernel forgets to ask.
PODMAN_LEAVES_TO_THE_KERNEL = words("""
    clone clone3 fsconfig fsmount fsopen fspick get_mempolicy mbind mount mount_setattr move_mount open_tree pidfd_getfd
    pivot_root reboot set_mempolicy syslog umount umount2 unshare
""")
# Docker allows them, as calls of files and pipes like those beside them.
PODMAN_REFUSES = words("io_pgetevents io_pgetevents_time64 vmsplice")
# Later versions of Docker allow them, and podman does: memory of one's own; a handle that takes a capability to open;
# what whoever may use ptrace, which both allow, can do with it anyway; i386's first forms of signals.
DOCKER_REFUSES = words("""
    name_to_handle_at pkey_alloc pkey_free pkey_mprotect process_vm_readv process_vm_writev sigaction signal sigpending
    sigsuspend
""")
# Later versions of Docker refuse them, and podman does: a large piece of the kernel with a history of holes.
DOCKER_ALLOWS = words("io_uring_enter io_uring_register io_uring_setup")
# Those of AF_ALG and AF_VSOCK: the kernel's cryptography, and the way to the machine's hypervisor.
SOCKETS = words("socket")


def program(profile: object, capabilities: frozenset[str]) -> bytes:
    document = resolve(profile, capabilities, "x86_64", "6.1.0")
    return compile_profile(SeccompProfile.parse(document), "x86_64").program


def differing(ours: bytes, theirs: bytes, architecture: str) -> dict[str, set[str]]:
    """The calls that one allows and the other does not, by who allows them."""
    audit, table = TABLES[architecture]
    found: dict[str, set[str]] = {"ours": set(), "theirs": set()}
    for name, number in table.items():
        for arguments in ARGUMENTS.get(name, [(0,)]):
            padded = (*arguments, *(0,) * (6 - len(arguments)))
            our, their = (run(each, audit, number, padded) == ALLOW for each in (ours, theirs))
            if our != their:
                found["ours" if our else "theirs"].add(name)
    return found


@pytest.mark.parametrize("architecture", ["X86_64", "X86"])
@pytest.mark.skipif(not PODMANS.exists(), reason="podman's profile is not installed; `make tools` installs podman")
def test_podmans_profile_differs_where_it_is_said(architecture: str) -> None:
    podmans = json.loads(PODMANS.read_text())

    found = differing(program(default.PROFILE, USUAL), program(podmans, USUAL), architecture)

    # Keys are of no namespace. readdir is of Linux 1.
    others = SOCKETS | words("keyctl readdir")
    there = set(TABLES[architecture][1])
    assert found["ours"] == (NEWER | OF_THE_KERNEL | PODMAN_REFUSES) & there
    assert found["theirs"] == (PODMAN_LEAVES_TO_THE_KERNEL | others) & there


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    """A client of a Docker daemon of the tests' own, and where the daemon's containers have their configurations."""
    require_root()
    with running_dockerd(require_tool("dockerd")) as listener:
        home = tmp_path_factory.mktemp("docker")
        bundles = listener.parent / "exec/containerd/daemon/io.containerd.runtime.v2.task/moby"
        yield client(require_tool("docker"), "--host", f"unix://{listener}", home=home), bundles


@pytest.fixture(scope="module")
def dockers(docker: tuple[Client, Path], tmp_path_factory: pytest.TempPathFactory) -> object:
    """The profile that Docker gives a container with the usual capabilities."""
    require_tool("busybox")
    client, bundles = docker
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    client("load", "--input", docker_archive(archive, "sleeper:1", runnable_image("")))
    container = client("run", "--detach", "--network=none", "sleeper:1", "/bin/busybox", "sleep", "1000").strip()
    configuration = json.loads((bundles / container / "config.json").read_text())
    client("rm", "--force", container)
    return configuration["linux"]["seccomp"]


@pytest.mark.root
@pytest.mark.tool("dockerd")
@pytest.mark.tool("docker")
@pytest.mark.tool("busybox")
@pytest.mark.parametrize("architecture", ["X86_64", "X86"])
def test_dockers_profile_differs_where_it_is_said(dockers: object, architecture: str) -> None:
    found = differing(program(default.PROFILE, USUAL), program(dockers, USUAL), architecture)

    there = set(TABLES[architecture][1])
    # The last call that was known when this version of Docker was made.
    newer = NEWER - {"futex_waitv"}
    assert found["ours"] == (newer | OF_THE_KERNEL | DOCKER_REFUSES) & there
    assert found["theirs"] == (DOCKER_ALLOWS | SOCKETS) & there


def test_a_capability_brings_the_calls_that_it_is_for() -> None:
    audit, table = TABLES["X86_64"]
    usual, every = program(default.PROFILE, USUAL), program(default.PROFILE, EVERY_CAPABILITY)

    for capability, names in default._WITH_CAPABILITY.items():
        for name in set(names.split()) & set(table):
            number = table[name]
            with_it = program(default.PROFILE, USUAL | {capability})
            assert run(with_it, audit, number, (0x10000000, 0, 0, 0, 0, 0)) == ALLOW
            assert run(every, audit, number, (0x10000000, 0, 0, 0, 0, 0)) == ALLOW
            if capability not in USUAL:
                assert run(usual, audit, number, (0x10000000, 0, 0, 0, 0, 0)) != ALLOW


def test_a_thread_may_be_made_and_a_user_namespace_not() -> None:
    audit, table = TABLES["X86_64"]
    usual = program(default.PROFILE, USUAL)
    thread = 0x3D0F00

    assert run(usual, audit, table["clone"], (thread, 0, 0, 0, 0, 0)) == ALLOW
    assert run(usual, audit, table["clone"], (thread | 0x10000000, 0, 0, 0, 0, 0)) == ERRNO | 1
    assert run(usual, audit, table["clone3"], (0, 0, 0, 0, 0, 0)) == ERRNO | 38


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_name_is_a_call_of_this_or_the_other_machine(machine: str) -> None:
    document = resolve(default.PROFILE, EVERY_CAPABILITY, machine, "6.1.0")
    known = set().union(*(table for _, table in TABLES.values()))

    names = [name for rule in SeccompProfile.parse(document).rules for name in rule.names]

    assert set(names) - known == set()
    assert compile_profile(SeccompProfile.parse(document), machine).unknown_names == ()


PROGRAM = """
import ctypes, errno, os, socket, sys, threading
sys.path.insert(0, {root!r})
from runner.seccomp import default, engine_format, loading, preparation
document = engine_format.resolve(default.PROFILE, frozenset(), os.uname().machine, os.uname().release)
prepared = preparation.prepare(document)
loading.set_no_new_privileges()
loading.load(prepared.program, prepared.flags)
thread = threading.Thread(target=print, args=("a thread",))
thread.start(); thread.join()
os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
socket.socket().close()
libc = ctypes.CDLL(None, use_errno=True)
for name, arguments in (("unshare", (0x10000000,)), ("mount", (None, b"/", None, 0, None)), ("socket", (38, 5, 0))):
    print(name, errno.errorcode[ctypes.get_errno()] if getattr(libc, name)(*arguments) < 0 else "done")
"""


def test_a_program_under_it_works_and_cannot_leave() -> None:
    command = [sys.executable, "-I", "-S", "-c", PROGRAM.format(root=ROOT)]

    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})

    assert ran.stdout.splitlines() == ["a thread", "unshare EPERM", "mount EPERM", "socket EPERM"], ran.stderr
