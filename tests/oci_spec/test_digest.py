import copy
import hashlib
import pickle
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci_spec.digest import ALGORITHMS, Digest
from oci_spec.errors import DigestInvalid, DigestUnsupported
from tests.oci_spec.attempts import attempt
from tests.oci_spec.strategies import digests, edited, short_texts

# image-spec, "Digests", and there "Registered algorithms".
GRAMMAR = re.compile(r"(?P<algorithm>[a-z0-9]+(?:[+._-][a-z0-9]+)*):[a-zA-Z0-9=_-]+")
SUPPORTED = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ALPHABET = "afAF09gzGZ:=_-.+ \t\n\x00/é²０\ud800"

texts = (
    st.text()
    | st.text(ALPHABET)
    | st.from_regex(GRAMMAR, fullmatch=True)
    | edited(digests().map(str), ALPHABET)
    | edited(st.from_regex(GRAMMAR, fullmatch=True), ALPHABET)
)


@given(digests())
def test_a_digest_is_what_its_text_says(digest: Digest) -> None:
    again = Digest.parse(str(digest))

    assert again == digest
    assert (again.algorithm, again.encoded, again.raw) == (digest.algorithm, digest.encoded, digest.raw)
    assert str(digest) == f"{digest.algorithm}:{digest.encoded}"
    assert bytes.fromhex(digest.encoded) == digest.raw
    assert hash(again) == hash(digest)


@given(texts)
@example(EMPTY)
@example(EMPTY + "\n")
@example(EMPTY.upper())
@example("sha256:" + "A" * 64)
@example("sha256:" + "0" * 63)
@example("sha256:" + "0 " * 32)
@example("sha256:" + "0" * 62 + " 0")
@example("sha256:" + "０" * 64)
@example("sha256")
@example("sha512:" + "0" * 64)
@example("md5:d41d8cd98f00b204e9800998ecf8427e")
@example("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564")
@example("sha256+:0")
@example("+sha256:0")
@example("a..b:0")
@example("blake3:" + "0" * 64)
@example("")
@example(":")
@example("sha256:" + "\ud800" * 64)
def test_parsing_agrees_with_the_specifications_grammar(text: str) -> None:
    well_formed = GRAMMAR.fullmatch(text)

    result = attempt(Digest.parse, text)

    if SUPPORTED.fullmatch(text):
        assert isinstance(result, Digest)
        assert str(result) == text
    elif well_formed is not None and well_formed["algorithm"] not in ALGORITHMS:
        assert isinstance(result, DigestUnsupported)
        assert (result.text, result.algorithm) == (text, well_formed["algorithm"])
    else:
        assert type(result) is DigestInvalid
        assert result.text == text


def test_every_short_text_is_refused_as_the_grammar_says() -> None:
    for text in short_texts("aA+.:", 6):
        expected = DigestUnsupported if GRAMMAR.fullmatch(text) else DigestInvalid

        assert type(attempt(Digest.parse, text)) is expected, text


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_digest_of_content_is_what_hashlib_computes(algorithm: str) -> None:
    content = b"hello"

    digest = Digest.of(content, algorithm)

    assert digest.encoded == hashlib.new(algorithm, content).hexdigest()
    assert Digest.of(memoryview(content), algorithm) == Digest.of(bytearray(content), algorithm) == digest


def test_content_is_hashed_with_sha256_unless_told_otherwise() -> None:
    assert str(Digest.of(b"")) == EMPTY


@pytest.mark.parametrize("algorithm", ["md5", "sha3_256", "SHA256", ""])
def test_an_algorithm_that_is_not_supported_is_refused_by_name(algorithm: str) -> None:
    with pytest.raises(DigestUnsupported) as of:
        Digest.of(b"", algorithm)
    with pytest.raises(DigestUnsupported) as from_raw:
        Digest.from_raw(algorithm, b"\x00" * 32)

    assert of.value.algorithm == from_raw.value.algorithm == algorithm


@pytest.mark.parametrize(("algorithm", "size"), [("sha256", 31), ("sha256", 64), ("sha512", 32), ("sha512", 0)])
def test_raw_bytes_of_another_size_are_no_digest(algorithm: str, size: int) -> None:
    with pytest.raises(DigestInvalid):
        Digest.from_raw(algorithm, b"\x00" * size)


@given(digests(), digests())
def test_digests_compare_as_their_texts_do(one: Digest, other: Digest) -> None:
    assert (one < other) == (str(one) < str(other))
    assert (one == other) == (str(one) == str(other))
    assert len({one, other}) == len({str(one), str(other)})


def test_a_digest_is_not_its_text() -> None:
    digest = Digest.parse(EMPTY)

    assert digest != EMPTY
    with pytest.raises(TypeError):
        _ = digest < EMPTY
    assert repr(digest) == f"Digest({EMPTY!r})"


@pytest.mark.parametrize("name", ["algorithm", "encoded", "raw", "anything"])
def test_a_digest_cannot_be_changed(name: str) -> None:
    digest = Digest.parse(EMPTY)

    with pytest.raises(AttributeError):
        setattr(digest, name, "sha512")

    assert str(digest) == EMPTY


def test_a_digest_survives_copying_and_pickling() -> None:
    digest = Digest.parse(EMPTY)

    copies = [copy.copy(digest), copy.deepcopy(digest), pickle.loads(pickle.dumps(digest))]

    assert copies == [digest] * 3


@pytest.mark.parametrize(
    "text", ["a." * 500_000 + ":0", "a" * 1_000_000 + ":!", "sha256:" + "0" * 1_000_000, "." * 10**6]
)
def test_a_long_hostile_text_is_refused_with_a_short_message(text: str) -> None:
    with pytest.raises(DigestInvalid) as refusal:
        Digest.parse(text)

    assert len(str(refusal.value)) < 300
