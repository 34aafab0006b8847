import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from registry_client.errors import RegistryClientError
from registry_client.links import next_page, next_target

PAGE = URL("https://registry.example/v2/a/tags/list?n=2")
NEXT = "https://registry.example/v2/a/tags/list?n=2&last=%2B"


def headers(*links: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict([("Link", link) for link in links]))


@pytest.mark.parametrize(
    "link",
    [
        '</v2/a/tags/list?n=2&last=%2B>; rel="next"',
        "</v2/a/tags/list?n=2&last=%2B>;rel=next",
        f'<{NEXT}>; title="a, b; c"; REL="prev Next"',
        f'<https://elsewhere>; rel="prev", <{NEXT}>; rel="next"',
        f"<?n=2&last=%2B> ; rel = next ; rel=prev, <{NEXT}>",
    ],
)
def test_the_next_page_is_found_as_it_was_written(link: str) -> None:
    assert str(next_page(headers(link), PAGE)) == NEXT
    assert str(next_page(headers('<x>; rel="first"', link), PAGE)) == NEXT


@pytest.mark.parametrize("link", ["", "<x>", '<x>; rel="prev"', "x; rel=next", "<x; rel=next", '<x>; rel="next'])
def test_what_names_no_next_page_is_the_last(link: str) -> None:
    assert next_page(headers(link), PAGE) is None


@pytest.mark.parametrize(
    "target",
    [
        "http://registry.example/x",
        "https://registry.example:444/x",
        "//elsewhere/x",
        "file:///x",
        "https://a@registry.example/",
    ],
)
def test_a_list_does_not_go_on_at_another_place(target: str) -> None:
    with pytest.raises(RegistryClientError):
        next_page(headers(f"<{target}>; rel=next"), PAGE)


@given(st.text() | st.text('<>;=", \\relnxt'))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    target = next_target(text)

    assert target is None or target in text


@given(st.text(st.characters(exclude_characters="<>", codec="ascii")), st.text("abc ;,<>=", max_size=20))
def test_a_target_is_read_as_it_is_written(target: str, title: str) -> None:
    assert next_target(f'<other>; title="{title}", <{target}>; title="{title}"; rel="next"') == target


@pytest.mark.parametrize("bomb", ["<" * 10**6, '<a>;b="' + "\\" * 10**6, "<a>;b" * 10**6, "<a>," * 10**6])
def test_only_so_much_is_looked_at(bomb: str) -> None:
    assert next_target(bomb) is None
