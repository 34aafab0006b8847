import pytest

from runner.containers import detaching
from runner.containers.detaching import DetachKeys
from runner.containers.errors import DetachKeysInvalid

P, Q = b"\x10", b"\x11"


@pytest.mark.parametrize(
    ("text", "keys"),
    [("ctrl-p,ctrl-q", P + Q), ("a", b"a"), ("ctrl-@", b"\0"), ("ctrl-\\,x", b"\x1cx"), ("ctrl-z,ctrl-[", b"\x1a\x1b")],
)
def test_keys_are_what_terminals_send(text: str, keys: bytes) -> None:
    assert detaching.parse(text) == keys


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-A", "ab", "a,,b", "ctrl-1", "é"])
def test_what_names_no_keys_is_refused(text: str) -> None:
    with pytest.raises(DetachKeysInvalid):
        detaching.parse(text)


@pytest.mark.parametrize(
    ("typed", "passed", "detached"),
    [
        ([b"abc"], b"abc", False),
        ([P + Q], b"", True),
        ([b"a" + P, Q + b"lost"], b"a", True),
        ([P + b"x"], P + b"x", False),
        ([P, P, b"x"], P + P + b"x", False),
        ([P + P + Q], P, True),
        ([P], b"", False),
    ],
)
def test_all_but_the_keys_is_passed_on(typed: list[bytes], passed: bytes, detached: bool) -> None:
    keys = DetachKeys(P + Q)

    answers = [keys.feed(content) for content in typed]

    assert b"".join(content for content, _ in answers) == passed
    assert answers[-1][1] is detached
