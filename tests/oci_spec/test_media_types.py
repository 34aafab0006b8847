import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci_spec import media_types
from oci_spec.errors import MediaTypeInvalid
from oci_spec.media_types import is_layer_like, is_nondistributable, parse_content_type
from tests.oci_spec.attempts import attempt

# RFC 9110, "Media Type" and "Tokens".
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIELD = re.compile(rf"[ \t]*(?P<type>{TOKEN}/{TOKEN})[ \t]*(;.*)?", re.DOTALL)


@given(st.text() | st.text("aA1/;+. \t=") | st.from_regex(FIELD, fullmatch=True))
@example("application/\N{KELVIN SIGN}")
def test_a_content_type_is_read_as_the_specification_says(text: str) -> None:
    expected = FIELD.fullmatch(text)

    result = attempt(parse_content_type, text)

    if expected is None:
        assert isinstance(result, MediaTypeInvalid)
        assert result.text == text
    else:
        assert result == expected["type"].lower()
        assert parse_content_type(str(result)) == result


@pytest.mark.parametrize(
    "text",
    [
        media_types.OCI_INDEX,
        media_types.OCI_INDEX + "; charset=utf-8",
        media_types.OCI_INDEX + ";",
        " " + media_types.OCI_INDEX + "\t",
        media_types.OCI_INDEX.upper(),
    ],
)
def test_parameters_spaces_and_case_do_not_matter(text: str) -> None:
    assert parse_content_type(text) == media_types.OCI_INDEX


@pytest.mark.parametrize(
    "text", ["", "/", "application", "application/", "/json", "a/b/c", "a b/c", "a/b, c/d", ";a/b"]
)
def test_what_has_no_type_and_subtype_is_refused(text: str) -> None:
    with pytest.raises(MediaTypeInvalid):
        parse_content_type(text)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ],
)
def test_foreign_layers_stay_with_their_publishers(media_type: str) -> None:
    assert is_nondistributable(media_type)
    assert is_layer_like(media_type)


@pytest.mark.parametrize(
    "media_type",
    [
        media_types.OCI_LAYER,
        media_types.OCI_LAYER_GZIP,
        media_types.OCI_LAYER_ZSTD,
        media_types.DOCKER_LAYER,
        media_types.DOCKER_LAYER_GZIP,
        media_types.DOCKER_LAYER_ZSTD,
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
    ],
)
def test_other_layers_are_held_by_the_registry(media_type: str) -> None:
    assert is_layer_like(media_type)
    assert not is_nondistributable(media_type)


def test_no_manifest_or_configuration_looks_like_a_layer() -> None:
    others = media_types.MANIFEST_TYPES | media_types.IMAGE_CONFIG_TYPES | {media_types.OCI_EMPTY}

    assert not any(map(is_layer_like, others))
    assert not any(map(is_nondistributable, others))


def test_each_manifest_type_is_an_image_or_an_index_and_never_schema_1() -> None:
    assert media_types.IMAGE_MANIFEST_TYPES.isdisjoint(media_types.INDEX_TYPES)
    assert media_types.MANIFEST_TYPES.isdisjoint(media_types.SCHEMA1_TYPES)
    assert len(media_types.MANIFEST_TYPES) == 4
