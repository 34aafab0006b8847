import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_backends.errors import HashStateUnusable
from storage_backends.hash_state import PlainHash, ResumableHash, restored_hash, running_hash
from storage_backends.libcrypto import Buffer, sha_functions

ALGORITHMS = ("sha256", "sha512")

algorithms = st.sampled_from(ALGORITHMS)
# Lengths around the block sizes of both algorithms are where a tail begins, fills up and ends.
pieces = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 4096, 70_000]).map(
        lambda size: bytes(index % 251 for index in range(size))
    ),
)


@given(algorithms, st.lists(st.tuples(pieces, st.booleans()), max_size=12))
def test_a_hash_put_away_and_taken_up_anywhere_ends_as_hashlib_does(
    algorithm: str, steps: list[tuple[bytes, bool]]
) -> None:
    expected = hashlib.new(algorithm)
    running = running_hash(algorithm)

    for piece, put_away in steps:
        expected.update(piece)
        running.update(piece)
        if put_away:
            running = restored_hash(algorithm, running.export())

    assert running.digest().raw == expected.digest()
    assert running.digest().algorithm == algorithm
    assert running.size == sum(len(piece) for piece, _ in steps)


@given(algorithms, pieces, pieces)
def test_asking_for_the_digest_does_not_end_the_hash(algorithm: str, first: bytes, second: bytes) -> None:
    running = running_hash(algorithm)
    running.update(first)

    early = running.digest()
    running.update(second)

    assert early.raw == hashlib.new(algorithm, first).digest()
    assert running.digest().raw == hashlib.new(algorithm, first + second).digest()


@given(algorithms, pieces)
def test_an_exported_state_is_exported_again_byte_for_byte(algorithm: str, content: bytes) -> None:
    running = running_hash(algorithm)
    running.update(content)

    state = running.export()

    assert restored_hash(algorithm, state).export() == state


def test_the_number_of_bits_may_exceed_one_word() -> None:
    # 2^29 bytes are where sha256's lower word of bits runs over; sha512's is never reached.
    block, blocks = bytes(1 << 20), (1 << 9) + 1
    expected = hashlib.sha256()
    running = running_hash("sha256")

    for _ in range(blocks):
        expected.update(block)
        running = restored_hash("sha256", running.export())
        running.update(block)

    assert running.digest().raw == expected.digest()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda text: memoryview(bytearray(text))])
@pytest.mark.parametrize("content", [b"", b"a", b"moorage" * 1000])
def test_every_kind_of_buffer_is_hashed_alike(algorithm: str, kind: Callable[[bytes], Buffer], content: bytes) -> None:
    for running in (running_hash(algorithm), PlainHash(algorithm)):
        running.update(kind(content))

        assert running.digest().raw == hashlib.new(algorithm, content).digest()
        assert running.size == len(content)


def test_the_layout_of_an_exported_state_never_changes() -> None:
    # FIPS 180-4's initial hash value, and three bytes that fill no block: rows hold such states.
    running = running_hash("sha256")
    running.update(b"abc")

    assert running.export().hex() == (
        "01016a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd190000000000000018616263"
    )


def test_a_state_of_sha512_has_words_of_eight_bytes() -> None:
    running = running_hash("sha512")
    running.update(b"abc")

    state = running.export()

    assert state[:2].hex() == "0102"
    assert state[2:10].hex() == "6a09e667f3bcc908"
    assert state[66:].hex() == "0000000000000018" + b"abc".hex()


@given(algorithms, st.binary(max_size=300))
def test_bytes_that_are_no_state_are_refused_and_never_crash(algorithm: str, state: bytes) -> None:
    try:
        restored = restored_hash(algorithm, state)
    except HashStateUnusable:
        return
    assert restored.export() == state


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: b"",
        lambda state: state[:-1],
        lambda state: state + b"\0",
        lambda state: b"\2" + state[1:],
        lambda state: state[:1] + b"\2" + state[2:],
        lambda state: state[:41] + b"\x19" + state[42:],
    ],
    ids=["empty", "cut", "longer", "other version", "other algorithm", "odd number of bits"],
)
def test_a_damaged_state_is_refused(damage: Callable[[bytes], bytes]) -> None:
    running = running_hash("sha256")
    running.update(b"abc")

    with pytest.raises(HashStateUnusable):
        restored_hash("sha256", damage(running.export()))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_this_python_has_a_libcrypto_whose_state_can_be_read(algorithm: str) -> None:
    assert sha_functions(algorithm) is not None
    assert isinstance(running_hash(algorithm), ResumableHash)


def test_without_libcrypto_the_hash_still_runs_and_has_no_state_to_export() -> None:
    # An interpreter in which no library can be loaded: refusing dlopen is an audit hook's right.
    program = """
import sys
def refuse(event, arguments):
    if event == "ctypes.dlopen":
        raise OSError("no libraries here")
import ctypes, hashlib
sys.addaudithook(refuse)
from storage_backends.errors import HashStateUnusable
from storage_backends.hash_state import restored_hash, running_hash
running = running_hash("sha256")
running.update(b"abc")
assert running.export() == b""
assert running.digest().raw == hashlib.sha256(b"abc").digest()
try:
    restored_hash("sha256", bytes.fromhex("0101") + bytes(40))
except HashStateUnusable:
    print("unusable")
"""

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (run.stdout, run.stderr) == ("unusable\n", "")
