import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.descriptor import Platform
from oci_spec.errors import PlatformInvalid
from oci_spec.platforms import nearest, normalized, parse_platform, runnable, runs, text_of
from tests.oci_spec.strategies import edited

HOST = Platform("linux", "amd64")

WRITTEN = {
    "linux/amd64": "linux/amd64",
    "linux/amd64/v1": "linux/amd64",
    "linux/amd64/v3": "linux/amd64/v3",
    "Linux/x86_64": "linux/amd64",
    "linux/aarch64": "linux/arm64",
    "linux/arm64/v8": "linux/arm64",
    "linux/arm64/8": "linux/arm64",
    "linux/arm64/v9": "linux/arm64/v9",
    "linux/arm": "linux/arm/v7",
    "linux/arm/6": "linux/arm/v6",
    "linux/armhf": "linux/arm/v7",
    "linux/armel": "linux/arm/v6",
    "linux/i386": "linux/386",
    "arm64": "linux/arm64",
    "linux": "linux/amd64",
    "windows": "windows/amd64",
    "linux/s390x": "linux/s390x",
    "macos/arm64": "darwin/arm64",
}

texts = st.builds(
    "/".join,
    st.tuples(
        st.sampled_from(["linux", "windows"]),
        st.sampled_from(["amd64", "arm64", "arm", "386", "x86_64", "aarch64", "armhf", "s390x", "riscv64"]),
    )
    | st.tuples(
        st.just("linux"),
        st.sampled_from(["arm", "arm64", "amd64"]),
        st.sampled_from(["v1", "v2", "v5", "v6", "v7", "v8", "v9", "8", "x"]),
    ),
)


def platform(text: str) -> Platform:
    return parse_platform(text, HOST)


@pytest.mark.parametrize(("text", "canonical"), WRITTEN.items())
def test_a_platform_is_read_as_docker_does(text: str, canonical: str) -> None:
    assert text_of(parse_platform(text, HOST)) == canonical


@pytest.mark.parametrize("text", ["", "/", "linux/", "/amd64", "linux//v8", "a/b/c/d", "linux/am d64", "nonsense", "é"])
def test_what_names_no_platform_is_refused(text: str) -> None:
    with pytest.raises(PlatformInvalid):
        parse_platform(text, HOST)


@given(edited(texts, "/v8 aA._"))
def test_malformed_text_raises_only_its_own_error(text: str) -> None:
    try:
        platform = parse_platform(text, HOST)
    except PlatformInvalid:
        return
    assert parse_platform(text_of(platform), HOST) == platform
    assert normalized(platform) == platform


@given(texts, texts, texts)
def test_what_runs_is_an_order(first: str, second: str, third: str) -> None:
    one, two, three = (parse_platform(text, HOST) for text in (first, second, third))

    assert runnable(one)[0] == one
    assert runs(one, one)
    assert not (runs(one, two) and runs(two, one)) or one == two
    assert not (runs(one, two) and runs(two, three)) or runs(one, three)


@given(st.lists(st.none() | texts.map(lambda text: parse_platform(text, HOST)), max_size=6), texts)
def test_the_nearest_is_one_that_runs_and_none_before_it_is_nearer(
    candidates: list[Platform | None], wanted_text: str
) -> None:
    wanted = parse_platform(wanted_text, HOST)

    found = nearest(candidates, wanted)

    fitting = [place for place, each in enumerate(candidates) if each is not None and runs(each, wanted)]
    if found is None:
        assert not fitting
        return
    chosen = candidates[found]
    assert chosen is not None
    order = [text_of(platform) for platform in runnable(wanted)]
    ranks = [(order.index(text_of(normalized(each))), place) for place in fitting if (each := candidates[place])]
    assert min(ranks) == (order.index(text_of(normalized(chosen))), found)


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm64"], "linux/arm/v6"),
        ("linux/arm64", ["linux/arm/v7", "linux/amd64"], "linux/arm/v7"),
        ("linux/amd64", ["linux/386", "linux/arm64"], "linux/386"),
        ("linux/amd64", ["linux/amd64/v2", "linux/386"], "linux/386"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], "linux/amd64/v2"),
        ("linux/arm64", ["windows/arm64", "unknown/unknown"], None),
        ("linux/arm/v6", ["linux/arm/v7"], None),
    ],
)
def test_a_predecessor_is_taken_where_there_is_nothing_nearer(
    wanted: str, offered: list[str], chosen: str | None
) -> None:
    found = nearest([platform(text) for text in offered], platform(wanted))

    assert (None if found is None else offered[found]) == chosen
