import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.network.errors import NetworkFull
from runner.network.leases import Lease, Leases
from runner.network.publications import parse
from runner.network.subnets import Subnet

ROOT = str(Path(runner.__file__).parent.parent)
SMALL = Subnet.parse("192.0.2.0/29")
ONE = Lease("192.0.2.2", "one", "mrg0")


def test_a_lease_outlives_who_wrote_it(tmp_path: Path) -> None:
    with Leases(str(tmp_path / "network")) as leases:
        leases.write(ONE, parse("127.0.0.1:8080:80/udp"))

    with Leases(str(tmp_path / "network")) as leases:
        (found,) = leases.all()
        (published,) = leases.publications(found)

    assert (found.address, found.container, found.link) == ("192.0.2.2", "one", "mrg0")
    assert (str(published), published.port) == ("127.0.0.1:8080/udp", 80)


def test_an_address_is_not_given_again_while_others_are_free(tmp_path: Path) -> None:
    with Leases(str(tmp_path)) as leases:
        given = []
        for number in range(5):
            given.append(leases.choose(SMALL))
            lease = Lease(given[-1], f"container{number}", f"mrg{number}")
            leases.write(lease)
            leases.remove(lease)

    assert given == [f"192.0.2.{number}" for number in range(2, 7)]


def test_a_full_network_is_told(tmp_path: Path) -> None:
    with Leases(str(tmp_path)) as leases:
        for number in range(5):
            leases.write(Lease(leases.choose(SMALL), f"container{number}", f"mrg{number}"))

        with pytest.raises(NetworkFull, match=r"192\.0\.2\.0/29"):
            leases.choose(SMALL)


def test_what_is_removed_may_be_again(tmp_path: Path) -> None:
    with Leases(str(tmp_path)) as leases:
        leases.write(ONE)
        for _ in range(2):
            leases.remove(ONE)

        assert leases.all() == []


@pytest.mark.parametrize("content", ["", "[", "[[1]]", "{}", "null", '"text"'])
def test_content_that_was_lost_is_no_port(tmp_path: Path, content: str) -> None:
    with Leases(str(tmp_path)) as leases:
        leases.write(ONE, parse("8080:80"))
        (tmp_path / "leases" / ONE.name).write_text(content)

        assert leases.publications(ONE) == []


def test_others_wait(tmp_path: Path) -> None:
    def is_held() -> bool:
        with (tmp_path / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    with Leases(str(tmp_path)):
        assert is_held()
    assert not is_held()


def test_who_is_killed_makes_nobody_wait(tmp_path: Path) -> None:
    program = (
        f"import sys, signal; sys.path.insert(0, {ROOT!r})\n"
        "from runner.network.leases import Leases\n"
        "with Leases(sys.argv[1]):\n    print('held', flush=True)\n    signal.pause()"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        os.kill(holder.pid, signal.SIGKILL)

    with Leases(str(tmp_path)) as leases:
        assert leases.all() == []
