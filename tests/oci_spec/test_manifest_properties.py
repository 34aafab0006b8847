"""The manifest parser against everything a network can send, with msgspec's JSON decoder as a second opinion."""

import json
import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci_spec import media_types
from oci_spec.errors import ManifestInvalid
from oci_spec.manifest import Manifest, ManifestKind, parse_manifest
from oci_spec.strict_json import MAX_DEPTH
from tests.oci_spec.documents import descriptor, encoded, image, index
from tests.oci_spec.strategies import json_values

# A number that no float holds is as good as any other where nobody reads it.
SECOND_OPINION = msgspec.json.Decoder(float_hook=float)

content_types = st.none() | st.text(max_size=20) | st.sampled_from(sorted(media_types.MANIFEST_TYPES))
field_names = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "annotations", "artifactType", "x"]
)
descriptor_field_names = st.sampled_from(
    ["mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType", "data", "x"]
)
changed_descriptors = st.dictionaries(descriptor_field_names, json_values(), max_size=2).map(
    lambda changes: descriptor() | changes
)
changed_manifests = st.builds(
    lambda document, changes: document | changes,
    st.sampled_from([image(), index(), {}]),
    st.dictionaries(
        field_names, json_values() | changed_descriptors | st.lists(changed_descriptors, max_size=3), max_size=3
    ),
)
valid_contents = st.sampled_from(
    [
        encoded(image(annotations={"\N{GRINNING FACE}": '"\\'}, subject=descriptor(), x=[1, -2.5e3, None, True])),
        json.dumps(index(annotations={"\N{GRINNING FACE}": "é"}), ensure_ascii=False, indent=1).encode(),
    ]
)


def attempt(content: bytes, content_type: str | None) -> Manifest | ManifestInvalid:
    """What the parser makes of it; any error but its own ends the test."""
    try:
        return parse_manifest(content, content_type)
    except ManifestInvalid as error:
        return error


def assert_others_read_the_same(content: bytes, manifest: Manifest) -> None:
    """What was accepted is one unambiguous document, and the manifest says what stands in it."""
    document = SECOND_OPINION.decode(content)

    assert content.decode("utf-8").encode("utf-8") == content
    assert document == json.loads(content.decode("utf-8"))
    assert document["schemaVersion"] == 2
    assert document.get("mediaType") in {None, "", manifest.media_type}
    assert [str(layer.digest) for layer in manifest.layers] == digests_in(document.get("layers"))
    assert [str(child.digest) for child in manifest.manifests] == digests_in(document.get("manifests"))
    assert (manifest.config is not None) == (manifest.kind is ManifestKind.IMAGE)
    # What has been read must fit headers, columns and the JSON of other answers.
    msgspec.json.encode([manifest.annotations, manifest.artifact_type, manifest.media_type])


def digests_in(descriptors: list[dict[str, str]] | None) -> list[str]:
    return [entry["digest"] for entry in descriptors or []]


@given(st.binary(), content_types)
@example(b"", None)
@example(b"\xef\xbb\xbf" + encoded(image()), None)
@example(json.dumps(image()).encode("utf-16"), None)
@example(json.dumps(image()).encode("utf-32-le"), None)
@example(b"\xff", None)
def test_arbitrary_bytes_are_refused(content: bytes, content_type: str | None) -> None:
    assert isinstance(attempt(content, content_type), ManifestInvalid)


@given(json_values() | changed_manifests, content_types)
def test_arbitrary_json_is_refused_or_read_as_others_read_it(document: object, content_type: str | None) -> None:
    content = encoded(document)

    result = attempt(content, content_type)

    if isinstance(result, Manifest):
        assert_others_read_the_same(content, result)


@given(valid_contents, st.integers(0, 2000), st.integers(0, 2), st.binary(max_size=2))
def test_a_manifest_with_damaged_bytes_is_refused_or_read_as_others_read_it(
    content: bytes, position: int, removed: int, inserted: bytes
) -> None:
    start = position % (len(content) + 1)
    damaged = content[:start] + inserted + content[start + removed :]

    result = attempt(damaged, None)

    if isinstance(result, Manifest):
        assert_others_read_the_same(damaged, result)


Pairs = list[tuple[str, object]]


class Object:
    """A JSON object as it is written: its fields may repeat."""

    def __init__(self, fields: Pairs) -> None:
        self.fields = fields

    def __repr__(self) -> str:
        return written(self)


def written(value: object) -> str:
    if isinstance(value, Object):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value.fields) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def repeats_a_field(value: object) -> bool:
    if isinstance(value, Object):
        names = [name for name, _ in value.fields]
        return len(set(names)) < len(names) or any(repeats_a_field(inner) for _, inner in value.fields)
    return isinstance(value, list) and any(map(repeats_a_field, value))


written_values = st.recursive(
    st.integers(0, 9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(st.sampled_from("abcé\n"), inner), max_size=3).map(Object)
    ),
    max_leaves=8,
)


def content_with(custom: str) -> bytes:
    """A valid manifest, but for what stands in its field that nobody knows."""
    return encoded(image()).removesuffix(b"}") + b', "org.example": ' + custom.encode() + b"}"


@given(written_values)
@example(Object([("a", 1), ("a", 1)]))
@example([[Object([("b", Object([("a", 1), ("b", 1), ("a", 2)]))])]])
def test_a_repeated_field_is_refused_at_any_depth_and_nothing_else_is(value: object) -> None:
    result = attempt(content_with(written(value)), None)

    assert isinstance(result, ManifestInvalid) == repeats_a_field(value)


@pytest.mark.parametrize(
    ("encoding", "reason"),
    [("utf-8-sig", "byte order mark"), ("utf-16", "not UTF-8"), ("utf-16-be", "not JSON")],
)
def test_a_manifest_in_another_encoding_is_refused_as_such(encoding: str, reason: str) -> None:
    content = json.dumps(image()).encode(encoding)

    assert reason in str(attempt(content, None))


def test_a_field_repeated_in_another_spelling_is_refused() -> None:
    content = content_with('0, "\\u006cayers": []')

    assert "'layers' stands twice" in str(attempt(content, None))


@given(st.text(st.characters() | st.characters(categories=["Cs"]), max_size=6), st.booleans())
@example("\ud800", True)
@example("\udc00\ud800", True)
@example("\udbff", False)
@example("\udfff", False)
@example("\ud83d\ude00", True)
@example("\\ud800", False)
def test_an_unpaired_surrogate_is_refused_and_a_pair_is_not(text: str, as_field_name: bool) -> None:
    try:
        text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        unpaired = True
    else:
        unpaired = False
    value: object = {text: 0} if as_field_name else [text]

    result = attempt(content_with(json.dumps(value)), None)

    assert isinstance(result, ManifestInvalid) == unpaired


@pytest.mark.parametrize(
    "constant", ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a": NaN}', "nan", "+1", "01", ".5", "1."]
)
def test_numbers_that_json_does_not_have_are_refused(constant: str) -> None:
    assert isinstance(attempt(content_with(constant), None), ManifestInvalid)


@pytest.mark.parametrize("rest", ["1,", "1 2", "'a'", '"\t"', '"\\x"', "[1,]", "// a\n1", "1}{", "True", '"a', "\x0c1"])
def test_what_only_lenient_parsers_read_is_refused(rest: str) -> None:
    assert isinstance(attempt(content_with(rest), None), ManifestInvalid)


@pytest.mark.parametrize("number", ["9" * 4000, "-" + "9" * 5000, "1" * 10**6, "1e" + "9" * 10**6, "0." + "3" * 10**6])
def test_a_number_of_any_length_is_no_obstacle_where_nobody_reads_it(number: str) -> None:
    assert isinstance(attempt(content_with(number), None), Manifest)


@pytest.mark.parametrize("number", ["9" * 4000, "9" * 5000, "1" * 10**6, "1e3", "1E400", "-0.0", "9223372036854775808"])
def test_a_number_that_is_no_size_is_refused_as_one(number: str) -> None:
    content = encoded(image(config=descriptor(size=123456))).replace(b"123456", number.encode())

    assert "config.size" in str(attempt(content, None))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
@pytest.mark.parametrize("caller_depth", [0, 400])
def test_nesting_is_bounded_alike_wherever_the_parser_is_called_from(
    opening: str, closing: str, caller_depth: int
) -> None:
    def called_from(depth: int, content: bytes) -> Manifest | ManifestInvalid:
        return called_from(depth - 1, content) if depth else attempt(content, None)

    levels_each = len(re.findall(r"[\[{]", opening))
    most = (MAX_DEPTH - 1) // levels_each

    accepted = called_from(caller_depth, content_with(opening * most + "0" + closing * most))
    refused = [
        called_from(caller_depth, content_with(opening * levels + "0" + closing * levels))
        for levels in (most + 1, 900, 2000, 60_000)
    ]

    assert isinstance(accepted, Manifest)
    assert all("nested more deeply" in str(error) for error in refused)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[" * 2**22, id="opening brackets"),
        pytest.param(b'{"a":' * 2**20, id="opening braces"),
        pytest.param(content_with("[" + "[]," * 10**6 + "0]"), id="a million lists"),
        pytest.param(content_with("[" + "{}," * 10**6 + "0]"), id="a million objects"),
        pytest.param(content_with("[" + "0," * 2 * 10**6 + "0]"), id="two million numbers"),
        pytest.param(content_with("[" * 300_000 + '"' + '\\"' * 10**6), id="a string without an end"),
        pytest.param(content_with("[" * 300_000 + '"\\' * 10**6), id="quotes and backslashes"),
        pytest.param(b" " * 2**22, id="spaces"),
        pytest.param(b'{"' + b"\\" * 2**21, id="backslashes"),
        pytest.param(b"\n" * 2**22 + b"{", id="lines"),
    ],
)
def test_four_mebibytes_of_hostility_are_refused_in_one_pass(content: bytes) -> None:
    result = attempt(content, None)

    assert isinstance(result, ManifestInvalid)
    assert len(str(result)) < 300


def test_brackets_inside_strings_are_no_values() -> None:
    assert isinstance(attempt(content_with(json.dumps('[{"a": [1, 2]},' * 100_000)), None), Manifest)


def test_four_mebibytes_of_descriptors_are_a_manifest() -> None:
    child = descriptor(media_types.OCI_MANIFEST)
    children = [child] * (2**22 // (len(encoded(child)) + 2))

    result = attempt(encoded(index(manifests=children)), media_types.OCI_INDEX)

    assert isinstance(result, Manifest)
    assert len(result.manifests) == len(children)
