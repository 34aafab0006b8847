"""Whose signals are passed on to whom (root)."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.tool("unshare")]

ANOTHER_OF_THE_SAME_NUMBER = """
import os, signal, sys, time
from runner.oci import waiting

def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

first = fork(lambda: None)
waiting.pass_signals_on(first)
waiting.until_end(first)
with open("/proc/sys/kernel/ns_last_pid", "w") as file:
    file.write(str(first - 1))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
second = fork(lambda: os._exit(7 if signal.sigtimedwait({signal.SIGTERM}, 0.3) is None else 8))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
assert second == first
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(second, 0)[1]))
"""


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/ns_last_pid").exists(), reason="the kernel has no CONFIG_CHECKPOINT_RESTORE"
)
def test_a_signal_reaches_nobody_who_has_the_number_later() -> None:
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", ANOTHER_OF_THE_SAME_NUMBER]

    assert subprocess.run(command, check=False, timeout=60).returncode == 7
