import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.digest import Digest
from oci_spec.errors import ImageNameInvalid
from oci_spec.image_name import ImageName, has_domain
from tests.oci_spec.strategies import digests, edited, short_texts

DIGEST = "sha256:" + "a" * 64

WHOLE_NAMES = {
    "alpine": "docker.io/library/alpine",
    "alpine:3.20": "docker.io/library/alpine:3.20",
    f"alpine@{DIGEST}": f"docker.io/library/alpine@{DIGEST}",
    f"alpine:3@{DIGEST}": f"docker.io/library/alpine:3@{DIGEST}",
    "team/app": "docker.io/team/app",
    "docker.io/alpine": "docker.io/library/alpine",
    "index.docker.io/alpine": "docker.io/library/alpine",
    "docker.io/library/alpine": "docker.io/library/alpine",
    "library/alpine": "docker.io/library/alpine",
    "docker.io/library/a/b": "docker.io/library/a/b",
    "localhost/app": "localhost/app",
    "localhost:5000": "docker.io/library/localhost:5000",
    "localhost:5000/app": "localhost:5000/app",
    "localhost:5000/app:1": "localhost:5000/app:1",
    "registry.example/a/b/c:tag_1": "registry.example/a/b/c:tag_1",
    "Registry/app": "Registry/app",
    "[::1]:5000/app": "[::1]:5000/app",
    "[fe80::1]/app": "[fe80::1]/app",
    "127.0.0.1:5000/team/app": "127.0.0.1:5000/team/app",
    "local/app": "docker.io/local/app",
}

REFUSED = [
    "",
    "Alpine",
    "a//b",
    "/a",
    "a/",
    "a:",
    ":a",
    "a@",
    "a@b",
    "a:b:c",
    "a:-b",
    "-host.example/a",
    "host-.example/a",
    "ho_st.example/a",
    "host..example/a",
    "host.example:/a",
    "host.example:x/a",
    "host.example:5000x/a",
    "[::1/a",
    "[::1]x/a",
    "[::1]x5000/a",
    "[host]:5000/a",
    "a b",
    "a" * 256,
    "f" * 64,
    "sha256:" + "f" * 64 + ":",
    "http://host.example/a",
]

domains = st.sampled_from(["", "localhost/", "localhost:5000/", "a.example/", "[::1]:80/", "docker.io/", "Host/"])
paths = st.sampled_from(["app", "library/app", "team/app", "a/b-c/d_e", "library/a/b"])
tags = st.sampled_from(["", ":1", ":latest", ":v1.2_3-x"])
written = st.builds(
    lambda domain, path, tag, digest: f"{domain}{path}{tag}{'' if digest is None else f'@{digest}'}",
    domains,
    paths,
    tags,
    st.none() | digests(),
)


@pytest.mark.parametrize(("text", "whole"), WHOLE_NAMES.items())
def test_a_name_is_completed_as_docker_does(text: str, whole: str) -> None:
    assert str(ImageName.parse(text)) == whole


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_no_image_can_be_called_is_refused(text: str) -> None:
    with pytest.raises(ImageNameInvalid):
        ImageName.parse(text)


@given(written)
def test_the_whole_name_and_the_familiar_one_mean_the_same(text: str) -> None:
    name = ImageName.parse(text)

    assert ImageName.parse(str(name)) == name
    assert ImageName.parse(name.familiar()) == name
    assert len(name.familiar()) <= len(str(name))
    assert hash(ImageName.parse(str(name))) == hash(name)


@given(edited(written, "/:@.-_aA0[]"))
def test_malformed_text_raises_only_its_own_error(text: str) -> None:
    try:
        name = ImageName.parse(text)
    except ImageNameInvalid:
        return
    assert ImageName.parse(str(name)) == name


def test_every_short_text_is_a_name_or_refused() -> None:
    for text in short_texts("a.:/@[]A", 5):
        try:
            name = ImageName.parse(text)
        except ImageNameInvalid:
            continue
        assert ImageName.parse(str(name)) == name
        assert has_domain(text) == (not text.startswith("docker.io/") and name.domain != "docker.io")


def test_a_tag_is_added_where_neither_tag_nor_digest_says_what_is_meant() -> None:
    assert str(ImageName.parse("a").tagged()) == "docker.io/library/a:latest"
    assert str(ImageName.parse("a:1").tagged()) == "docker.io/library/a:1"
    assert str(ImageName.parse(f"a@{DIGEST}").tagged()) == f"docker.io/library/a@{DIGEST}"


def test_the_digest_is_what_is_asked_for_beside_a_tag() -> None:
    assert str(ImageName.parse("a").reference) == "latest"
    assert str(ImageName.parse("a:1").reference) == "1"
    assert ImageName.parse(f"a:1@{DIGEST}").reference == Digest.parse(DIGEST)


def test_a_name_does_not_change() -> None:
    with pytest.raises(AttributeError):
        ImageName.parse("a").domain = "b"
