import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from registry_client.errors import RegistryClientError
from registry_client.origin import Origin, pointed_to, shown

UPLOAD = URL("https://registry.example/v2/a/blobs/uploads/1?_state=a%2Bb", encoded=True)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://registry.example", Origin("https", "registry.example", 443)),
        ("http://REGISTRY.example:80/", Origin("http", "registry.example", 80)),
        ("http://127.0.0.1:5000", Origin("http", "127.0.0.1", 5000)),
        ("https://[::1]:5000", Origin("https", "::1", 5000)),
    ],
)
def test_an_origin_is_read_and_written(text: str, origin: Origin) -> None:
    assert Origin.parse(text) == origin
    assert Origin.parse(str(origin)) == origin
    assert Origin.of(origin.url("/v2/", "n=1")) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry.example",
        "registry.example:5000",
        "ftp://a",
        "https://a/b",
        "https://a?b",
        "https://u@a",
        "https://",
    ],
)
def test_what_is_more_or_less_than_an_origin_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Origin.parse(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (
            "/v2/a/blobs/uploads/2?_state=x%2By+z&&q=%C3%a9",
            "https://registry.example/v2/a/blobs/uploads/2?_state=x%2By+z&&q=%C3%a9",
        ),
        ("3", "https://registry.example/v2/a/blobs/uploads/3"),
        ("?_state=2", "https://registry.example/v2/a/blobs/uploads/1?_state=2"),
        ("https://storage.example/a%2Fb?X-Signature=%2B#part", "https://storage.example/a%2Fb?X-Signature=%2B"),
        ("//storage.example/a", "https://storage.example/a"),
        ("/next?u=https://elsewhere", "https://registry.example/next?u=https://elsewhere"),
    ],
)
def test_a_location_is_gone_to_exactly_as_it_is_written(text: str, url: str) -> None:
    found = pointed_to(text, UPLOAD)

    assert str(found) == url
    assert found.raw_path_qs in url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://registry.example/",
        "file:///etc/passwd",
        "gopher://a/",
        "https://",
        "https://a:b@registry.example/",
        "https://:b@a/",
        "/a b",
        "/a\r\nX: y",
        "/é",
        "https://a:99999/",
        "https://[::1/",
    ],
)
def test_other_places_are_not_gone_to(text: str) -> None:
    with pytest.raises(RegistryClientError):
        pointed_to(text, UPLOAD)


@given(st.text() | st.text("/:?#@[]%htps.a", max_size=30))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    try:
        found = pointed_to(text, UPLOAD)
    except RegistryClientError:
        return
    assert found.scheme == "https"


def test_a_query_is_not_shown() -> None:
    assert shown(UPLOAD) == "https://registry.example/v2/a/blobs/uploads/1"
