import pytest

from benchmarks.options import OptionInvalid, PeerAddress, read_options


def test_nothing_said_means_everything() -> None:
    options = read_options({"QUICK": "", "PEERS": "", "ONLY": ""})

    assert not options.quick
    assert options.peers == ()
    assert options.wants("any workload")
    assert options.part == ""


def test_peers_have_a_name_and_an_address() -> None:
    options = read_options({"PEERS": "zot=http://127.0.0.1:5001,other=http://localhost:5002/,six=http://[::1]:5003"})

    assert options.peers == (
        PeerAddress("zot", "127.0.0.1:5001"),
        PeerAddress("other", "127.0.0.1:5002"),
        PeerAddress("six", "[::1]:5003"),
    )


@pytest.mark.parametrize(
    "peer",
    [
        "zot=http://192.0.2.1:5000",
        "zot=http://0.0.0.0:5000",
        "zot=http://registry.example:5000",
        "zot=https://127.0.0.1:5000",
        "zot=http://127.0.0.1",
        "zot=http://127.0.0.1:many",
        "zot=http://127.0.0.1:5000/path",
        "http://127.0.0.1:5000",
        "=http://127.0.0.1:5000",
    ],
)
def test_a_peer_that_is_not_a_plain_listener_of_this_machine_is_refused(peer: str) -> None:
    with pytest.raises(OptionInvalid):
        read_options({"PEERS": peer})


def test_a_flag_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(OptionInvalid, match="QUICK"):
        read_options({"QUICK": "yes"})


def test_rounds_may_be_chosen() -> None:
    assert read_options({}).rounds == 5
    assert read_options({"QUICK": "1"}).rounds == 3
    assert read_options({"ROUNDS": "2"}).rounds == 2


@pytest.mark.parametrize("rounds", ["0", "101", "-1", "many", "٣"])
def test_rounds_that_are_none_are_refused(rounds: str) -> None:
    with pytest.raises(OptionInvalid, match="ROUNDS"):
        read_options({"ROUNDS": rounds})


def test_workloads_are_chosen_by_a_part_of_their_name() -> None:
    options = read_options({"ONLY": "Blob get"})

    assert options.wants("TLS: blob GET 100 MiB, c=8")
    assert not options.wants("blob HEAD, c=8")


def test_a_run_that_is_not_whole_says_what_it_was() -> None:
    options = read_options({"QUICK": "1", "ONLY": "blob"})

    assert options.part == "QUICK=1, ONLY=blob"
