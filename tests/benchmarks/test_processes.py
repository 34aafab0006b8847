import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import Work, measured
from benchmarks.processes import cpu_seconds, kernel_threads, listeners, shared_bytes, spawned, tree
from tests.requirements import require_tool
from tests.waiting import until

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""
LISTENER = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    server.accept()
"""
BUSY_S = 0.3
# It begins when it is told to, and goes on until it is told again.
BUSY_CHILD = f"""
import subprocess, sys
sys.stdin.readline()
work = "import time\\nwhile time.process_time() < {BUSY_S}: pass"
subprocess.run([sys.executable, "-c", work])
print("done", flush=True)
sys.stdin.read()
"""


def test_a_tree_holds_descendants_and_ends_with_its_root(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with spawned([sys.executable, "-c", PARENT], log=log, environment=os.environ) as process:
        until(lambda: log.read_text().endswith("\n"))
        child = int(log.read_text())
        found = tree([process.pid])
        used = shared_bytes(found)

    assert sorted(found) == sorted([process.pid, child])
    assert used > 2**20
    assert process.returncode == -signal.SIGTERM
    # The child never heard of the signal to its parent.
    until(lambda: not tree([child]))


def test_servers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    require_tool("setpriv")
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from benchmarks.processes import spawned\n"
        "sleeping = [sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True); time.sleep(600)']\n"
        "with spawned(sleeping, log=Path(sys.argv[1]), environment=os.environ):\n"
        "    sys.stdin.read()\n"
    )
    log = tmp_path / "log"

    with subprocess.Popen([sys.executable, "-c", script, log], stdin=subprocess.PIPE) as run:
        until(lambda: log.exists() and log.read_text().endswith("\n"))
        run.kill()

    until(lambda: not tree([int(log.read_text())]))


def test_time_of_children_that_have_ended_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        used = cpu_seconds(tree([process.pid]))
        process.kill()

    assert used >= BUSY_S


def test_a_measured_action_costs_what_its_processes_used_meanwhile() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def wait() -> Work:
            orders.write(b"\n")
            orders.flush()
            answers.readline()
            return Work(1, 0, 1.0)

        sample = measured((process.pid,), wait)
        idle = measured((process.pid,), lambda: Work(1, 0, 1.0))
        process.kill()

    assert sample.cpu_s is not None
    assert sample.cpu_s >= BUSY_S / 2
    assert sample.peak is not None
    assert 2**20 < sample.peak.pss <= sample.peak.rss
    assert idle.cpu_s is not None
    assert idle.cpu_s <= 0.05


def test_what_others_use_is_told_apart_from_what_is_measured() -> None:
    spinning = f"import time\nwhile time.process_time() < {BUSY_S}: pass"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        # A grandchild that nobody here waits for is somebody else's process.
        script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {spinning!r}])"

        def work() -> Work:
            subprocess.run([sys.executable, "-c", script], check=True)
            ended = time.monotonic() + 2 * BUSY_S
            until(lambda: time.monotonic() > ended)
            return Work(1, 0, 1.0)

        sample = measured((server.pid,), work)
        server.kill()

    assert sample.cpu_s is not None
    assert sample.cpu_s < BUSY_S / 2
    assert sample.others is not None
    assert sample.others > 0.01


def test_threads_of_the_kernel_are_told_from_processes() -> None:
    threads = kernel_threads()

    assert os.getpid() not in threads
    # Only what runs a program has arguments.
    assert [thread for thread in threads if arguments_of(thread)] == []


def arguments_of(process: int) -> bytes:
    """Those of a process; none of one that has ended meanwhile, as threads of the kernel do at any time."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_who_listens_on_a_port_is_found() -> None:
    with subprocess.Popen([sys.executable, "-c", LISTENER], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        found = listeners(port)
        process.kill()

    assert found == [process.pid]
