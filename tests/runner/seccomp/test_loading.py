"""Children put a filter on themselves, and tell what they then see. Root's rights are not needed."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.seccomp.compiler import compile_profile
from runner.seccomp.profile import ALLOW, ERRNO, FLAGS, KILL_PROCESS, Condition, Rule, SeccompProfile

MACHINE = os.uname().machine
ROOT = str(Path(runner.__file__).parent.parent)
FILTERED = """
import errno, os, sys
sys.path.insert(0, {root!r})
from runner.seccomp import loading
loading.set_no_new_privileges()
loading.load({program!r}, {flags})
try:
    {statement}
except OSError as error:
    print(errno.errorcode[error.errno])
else:
    print("done")
"""


def see(profile: SeccompProfile, statement: str) -> subprocess.CompletedProcess[str]:
    program = compile_profile(profile, MACHINE).program
    text = FILTERED.format(root=ROOT, program=program, flags=profile.flags, statement=statement)
    return subprocess.run([sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("flags", [0, *FLAGS.values(), sum(FLAGS.values())])
def test_a_refused_call_fails_and_the_others_go_on(flags: int) -> None:
    profile = SeccompProfile(ALLOW, (Rule(("mkdir", "mkdirat"), ERRNO | errno.EPERM),), flags=flags)

    assert see(profile, "os.mkdir('/proc/no')").stdout == "EPERM\n"
    assert see(profile, "os.stat('/')").stdout == "done\n"


def test_an_argument_decides() -> None:
    refused = Rule(("getpriority",), ERRNO | errno.ENOSYS, (Condition(0, "EQ", os.PRIO_USER),))
    profile = SeccompProfile(ALLOW, (refused,))

    assert see(profile, "os.getpriority(os.PRIO_USER, 0)").stdout == "ENOSYS\n"
    assert see(profile, "os.getpriority(os.PRIO_PROCESS, 0)").stdout == "done\n"


def test_a_killing_call_kills() -> None:
    profile = SeccompProfile(ALLOW, (Rule(("mkdir", "mkdirat"), KILL_PROCESS),))

    assert see(profile, "os.mkdir('/proc/no')").returncode == -signal.SIGSYS


def test_a_flag_that_the_kernel_lacks_is_named() -> None:
    statement = "loading.FLAGS['SECCOMP_FILTER_FLAG_OF_NEXT_YEAR'] = 1 << 20; loading.load(b'', 1 << 20)"

    seen = see(SeccompProfile(ALLOW, ()), statement)

    assert "the kernel lacks SECCOMP_FILTER_FLAG_OF_NEXT_YEAR" in seen.stderr


def test_a_program_that_the_kernel_refuses_is_told() -> None:
    seen = see(SeccompProfile(ALLOW, ()), "loading.load(bytes(8))")

    assert "SeccompNotLoaded: seccomp: the kernel refuses this program" in seen.stderr


def test_without_seccomp_in_the_kernel_the_option_is_named() -> None:
    profile = SeccompProfile(ALLOW, (Rule(("seccomp",), ERRNO | errno.ENOSYS),))

    seen = see(profile, f"loading.load({compile_profile(SeccompProfile(ALLOW, ()), MACHINE).program!r})")

    assert "CONFIG_SECCOMP_FILTER" in seen.stderr
