"""How a conversation goes wrong, with the kernel's end played by another socket where the kernel does nothing wrong."""

import errno
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import runner
from runner.netlink import connection as module
from runner.netlink import links
from runner.netlink.connection import NETFILTER, Connection
from runner.netlink.errors import NetlinkAnswerInvalid, NetlinkError, NetlinkRefused
from runner.netlink.messages import DONE, DUMP_INTERRUPTED, MULTIPART, OVERRUN, message
from runner.netlink.namespaces import connect, inside

ROOT = str(Path(runner.__file__).parent.parent)
KERNEL = (0, 0)


class ScriptedSocket:
    """Gives prepared datagrams, from prepared senders."""

    def __init__(self, *datagrams: tuple[bytes, tuple[int, int]], flags: int = 0) -> None:
        self.datagrams = list(datagrams)
        self.flags = flags

    def send(self, data: bytes) -> int:
        return len(data)

    def recvmsg(self, size: int) -> tuple[bytes, list[object], int, tuple[int, int]]:
        datagram, sender = self.datagrams.pop(0)
        return datagram, [], self.flags, sender

    def close(self) -> None: ...


def scripted(*datagrams: tuple[bytes, tuple[int, int]], flags: int = 0) -> Connection:
    made = Connection()
    made.close()
    made._socket = ScriptedSocket(*datagrams, flags=flags)  # type: ignore[assignment]
    return made


def acknowledged(sequence: int, number: int = 0) -> bytes:
    return message(2, 0, sequence, struct.pack("=i16x", -number))


def test_answers_of_other_processes_and_to_other_requests_are_not_taken() -> None:
    connection = scripted(
        (acknowledged(1, errno.EPERM), (4711, 0)), (acknowledged(7, errno.EPERM), KERNEL), (acknowledged(1), KERNEL)
    )

    connection.change(16, b"", doing="try")


def test_a_list_that_changed_while_it_was_read_is_read_again() -> None:
    def listed(sequence: int, flags: int, body: bytes) -> tuple[bytes, tuple[int, int]]:
        done = message(DONE, MULTIPART, sequence, bytes(4))
        return message(16, MULTIPART | flags, sequence, body) + done, KERNEL

    connection = scripted(listed(1, DUMP_INTERRUPTED, b"old!"), listed(2, 0, b"new!"))

    assert [answer.body for answer in connection.dump(18, b"", doing="list")] == [b"new!"]


def test_a_list_that_always_changes_is_given_up() -> None:
    done = [(message(DONE, MULTIPART | DUMP_INTERRUPTED, sequence, bytes(4)), KERNEL) for sequence in range(1, 11)]

    with pytest.raises(NetlinkAnswerInvalid, match="changed each time"):
        scripted(*done).dump(18, b"", doing="list")


def test_a_list_that_ends_with_an_error_is_an_error() -> None:
    done = message(DONE, MULTIPART, 1, struct.pack("=i", -errno.ENOMEM))

    with pytest.raises(NetlinkRefused, match="list: Cannot allocate memory"):
        scripted((done, KERNEL)).dump(18, b"", doing="list")


@pytest.mark.parametrize(
    ("datagram", "flags"),
    [
        (acknowledged(1), 0x20),
        (message(OVERRUN, 0, 1, b""), 0),
        (message(2, 0, 1, b"ab"), 0),
        (b"abc", 0),
    ],
)
def test_an_answer_that_is_none_is_told(datagram: bytes, flags: int) -> None:
    connection = scripted((datagram, KERNEL), flags=flags)

    with pytest.raises(NetlinkAnswerInvalid):
        connection.change(16, b"", doing="try")


def test_the_tree_of_errors_is_whole_and_its_messages_are_short() -> None:
    hostile = "\x1b[2J" + "e" * 100_000

    examples: list[NetlinkError] = [NetlinkRefused("try", errno.EPERM, hostile), NetlinkAnswerInvalid("because")]

    assert {type(example) for example in examples} == set(NetlinkError.__subclasses__())
    assert all(str(example).isprintable() and len(str(example)) < 400 for example in examples)


@pytest.mark.root
def test_a_connection_stays_where_it_was_opened(namespace: int) -> None:
    with connect(namespace) as connection:
        assert [link.name for link in links.all_of(connection)] == ["lo"]
        with inside(namespace, Connection) as other:
            assert [link.name for link in links.all_of(other)] == ["lo"]


@pytest.mark.root
def test_a_thread_comes_back_from_another_namespace_whatever_happens_there(namespace: int) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    own = Path("/proc/thread-self/ns/net").stat().st_ino
    with pytest.raises(ZeroDivisionError):
        inside(namespace, fail)
    with Path("/dev/null").open("rb") as nothing, pytest.raises(OSError, match="setns"):
        inside(nothing.fileno(), fail)

    assert Path("/proc/thread-self/ns/net").stat().st_ino == own


@pytest.mark.root
def test_no_descriptor_stays_open(namespace: int) -> None:
    def work() -> None:
        for family in (module.ROUTE, NETFILTER):
            with connect(namespace, family):
                pass

    before = len(list(Path("/proc/self/fd").iterdir()))
    work()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_loading_takes_next_to_nothing() -> None:
    program = (
        f"import sys; sys.path.insert(0, {ROOT!r}); before = set(sys.modules)\n"
        "import runner.netlink.links, runner.netlink.addresses, runner.netlink.routes\n"
        "print(*(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)

    loaded = {name for name in ran.stdout.split() if not name.startswith(("runner", "oci_spec"))}

    assert loaded <= {"__future__", "_socket", "struct", "_struct", "errno", "os", "stat", "posixpath", "genericpath",
                      "_collections_abc", "os.path", "_stat"}  # fmt: skip
