"""A child is born in its cgroup and in new namespaces, and moved into the cgroup where it cannot be."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.cgroups import group, hierarchies
from runner.cgroups.group import Cgroup
from runner.cgroups.resources import Resources
from tests.runner.oci.bundles import LAUNCHER

pytestmark = pytest.mark.root

PARENT = f"/moorage-fork-{os.getpid()}"
FORK = """
import os, sys
sys.path.insert(0, sys.argv[1])
from runner.cgroups import group, hierarchies
from runner.oci import children
{before}
cgroup = group.find(hierarchies.detect(), sys.argv[2])
child, born_in = children.fork(cgroup)
if child == 0:
    print("born in", born_in and born_in.place, flush=True)
    cgroup.enter_alone(born_in=born_in)
    grandchild = os.fork()
    if grandchild == 0:
        print(open("/proc/self/cgroup").read(), flush=True)
        os._exit(3)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
FORK_IN_NAMESPACES = """
import os, sys
sys.path.insert(0, sys.argv[1])
from runner.cgroups import group, hierarchies
from runner.oci import children
{before}
cgroup = group.find(hierarchies.detect(), sys.argv[2])
own = os.readlink("/proc/self/ns/pid")
child, born_in = children.fork(cgroup, ("pid",))
if child == 0:
    print(os.getpid(), os.readlink("/proc/self/ns/pid") != own, flush=True)
    os._exit(3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
REFUSED = """
from runner.oci.errors import CallFailed
from runner.oci.kernel import forking
def refuse(place, kinds): raise CallFailed("clone3", place, OSError(1, "no"))
forking.fork_into = refuse
"""


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    host = hierarchies.detect()
    if host.unified is None:
        pytest.skip("no hierarchy of version 2 is mounted")
    made = group.create(host, f"{PARENT}/one", Resources())
    yield made
    made.delete()
    group.find(host, PARENT).delete()


@pytest.mark.parametrize("before", ["", REFUSED])
def test_a_child_is_in_the_cgroup_in_all_hierarchies(cgroup: Cgroup, before: str) -> None:
    assert cgroup.birthplace
    words = (str(LAUNCHER.parents[2]), f"{PARENT}/one")

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", FORK.format(before=before), *words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3, done.stderr
    assert f"born in {None if before else cgroup.birthplace.place}\n" in done.stdout
    assert done.stdout.count(f"{PARENT}/one\n") >= len(cgroup.folders)
    assert Path(cgroup.birthplace.place, "cgroup.procs").read_text() == ""


@pytest.mark.parametrize("before", ["", REFUSED])
def test_a_child_is_born_in_new_namespaces_or_in_none(cgroup: Cgroup, before: str) -> None:
    words = (str(LAUNCHER.parents[2]), f"{PARENT}/one")

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", FORK_IN_NAMESPACES.format(before=before), *words],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 3, done.stderr
    number, namespaces_differ = done.stdout.split()
    assert (number == "1", namespaces_differ == "True") == ((False, False) if before else (True, True))
