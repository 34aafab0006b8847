import pickle
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.errors import DigestInvalid, DigestUnsupported, RepositoryNameInvalid, TagInvalid
from oci_spec.reference import NAME_MAX_LENGTH, TAG_MAX_LENGTH, RepositoryName, Tag, fallback_tag, parse_reference
from tests.oci_spec.attempts import attempt
from tests.oci_spec.strategies import digests, edited, short_texts

# distribution-spec, "Pulling manifests".
NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")

NAME_ALPHABET = "az09AZ._-/: é\x00\n"
TAG_ALPHABET = "azAZ09._-+/: é\x00\n"

words = st.text("az09", min_size=1, max_size=4)
separated_words = st.tuples(st.sampled_from(["/", ".", "_", "__", "-", "---"]), words).map("".join)
names = st.tuples(words, st.lists(separated_words, max_size=20).map("".join)).map("".join)
tags = st.from_regex(TAG, fullmatch=True)


@given(st.text() | names | st.text("a0._-/") | edited(names, NAME_ALPHABET))
@example("a" * NAME_MAX_LENGTH)
@example("a" * (NAME_MAX_LENGTH + 1))
@example("library/ubuntu\n")
@example("a__b")
@example("a___b")
@example("a----b")
@example("a-_b")
@example("a/-b")
@example("a-/b")
@example("a//b")
@example("/a")
@example("a/")
@example("")
@example("..")
@example("a/../b")
@example("A")
@example("é")
@example("٣")
@example("localhost:5000/a")
def test_parsing_a_name_agrees_with_the_specifications_grammar(text: str) -> None:
    expected = NAME.fullmatch(text) is not None and len(text) <= NAME_MAX_LENGTH

    result = attempt(RepositoryName.parse, text)

    if expected:
        assert isinstance(result, RepositoryName)
        assert str(result) == text
        assert RepositoryName.parse(str(result)) == result
    else:
        assert isinstance(result, RepositoryNameInvalid)
        assert result.text == text


@given(st.text() | tags | st.text("aA0._-") | edited(tags, TAG_ALPHABET))
@example("a" * TAG_MAX_LENGTH)
@example("a" * (TAG_MAX_LENGTH + 1))
@example("latest\n")
@example("_")
@example(".a")
@example("-a")
@example("1.0+build")
@example("")
@example("é")
def test_parsing_a_tag_agrees_with_the_specifications_grammar(text: str) -> None:
    result = attempt(Tag.parse, text)

    if TAG.fullmatch(text):
        assert isinstance(result, Tag)
        assert str(result) == text
        assert Tag.parse(str(result)) == result
    else:
        assert isinstance(result, TagInvalid)
        assert result.text == text


def test_every_short_name_is_parsed_as_the_grammar_says() -> None:
    for text in short_texts("a._-/", 6):
        expected = NAME.fullmatch(text) is not None

        assert isinstance(attempt(RepositoryName.parse, text), RepositoryName) == expected, text


def test_every_short_tag_is_parsed_as_the_grammar_says() -> None:
    for text in short_texts("aA0._-+:", 4):
        expected = TAG.fullmatch(text) is not None

        assert isinstance(attempt(Tag.parse, text), Tag) == expected, text


@given(tags)
def test_a_reference_without_a_colon_is_a_tag(text: str) -> None:
    assert parse_reference(text) == Tag.parse(text)


@given(digests())
def test_a_reference_with_a_colon_is_a_digest(digest: Digest) -> None:
    assert parse_reference(str(digest)) == digest


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("sha256:baddigeststring", DigestInvalid),
        ("latest:1", DigestUnsupported),
        (":", DigestInvalid),
        (".INVALID_MANIFEST_NAME", TagInvalid),
        ("", TagInvalid),
    ],
)
def test_a_malformed_reference_is_refused_as_what_it_was_meant_to_be(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_reference(text)


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("ubuntu", "library"), ("library/ubuntu", "library"), ("team/app", "team"), ("team/app/tools", "team")],
)
def test_the_namespace_is_the_first_component_or_library(name: str, namespace: str) -> None:
    assert RepositoryName.parse(name).namespace == namespace


def test_names_and_tags_are_values_of_their_own_kind() -> None:
    name, tag = RepositoryName.parse("a"), Tag.parse("a")

    assert name == RepositoryName.parse("a")
    assert hash(name) == hash(RepositoryName.parse("a"))
    assert len({name, tag}) == 2
    assert name != "a"
    assert [repr(name), repr(tag)] == ["RepositoryName('a')", "Tag('a')"]
    assert pickle.loads(pickle.dumps((name, tag))) == (name, tag)
    with pytest.raises(TypeError):
        _ = name < tag


@pytest.mark.parametrize("value", [RepositoryName.parse("a/b"), Tag.parse("a")])
def test_a_name_or_tag_cannot_be_changed(value: RepositoryName | Tag) -> None:
    for attribute in ("namespace", "text"):
        with pytest.raises(AttributeError):
            setattr(value, attribute, "b")


@given(st.lists(tags))
def test_tags_sort_by_their_bytes(texts: list[str]) -> None:
    assert [str(tag) for tag in sorted(map(Tag.parse, texts))] == sorted(texts, key=str.encode)


@given(st.lists(names))
def test_names_sort_by_their_bytes(texts: list[str]) -> None:
    assert [str(name) for name in sorted(map(RepositoryName.parse, texts))] == sorted(texts, key=str.encode)


@given(digests())
def test_the_fallback_tag_of_any_digest_is_a_tag(digest: Digest) -> None:
    tag = fallback_tag(digest)

    assert TAG.fullmatch(str(tag))
    assert str(tag) == f"{digest.algorithm}-{digest.encoded[:64]}"


@pytest.mark.parametrize("text", ["a/" * 500_000, "a" * 10**6, "a-" * 500_000, "_" * 10**6, "/" * 10**6])
def test_a_long_hostile_text_is_refused_with_a_short_message(text: str) -> None:
    with pytest.raises(RepositoryNameInvalid) as name_refusal:
        RepositoryName.parse(text)
    with pytest.raises(TagInvalid) as tag_refusal:
        Tag.parse(text)

    assert len(str(name_refusal.value)) < 300
    assert len(str(tag_refusal.value)) < 300
