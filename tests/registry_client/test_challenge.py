import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_client import limits
from registry_client.challenge import Challenge, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'
IN_HUB = {
    "realm": "https://auth.docker.io/token",
    "service": "registry.docker.io",
    "scope": "repository:a/b:pull,push",
}

schemes = st.text("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~", min_size=1, max_size=12)
values = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
challenges = st.builds(Challenge, schemes, st.dictionaries(schemes, values, max_size=5))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ([HUB], [("bearer", IN_HUB)]),
        ([f'Basic realm="a", {HUB}'], [("basic", {"realm": "a"}), ("bearer", IN_HUB)]),
        ([f'{HUB}, Basic realm="a"'], [("bearer", IN_HUB), ("basic", {"realm": "a"})]),
        ([HUB, 'Basic realm="a"'], [("bearer", IN_HUB), ("basic", {"realm": "a"})]),
        (["Negotiate YIIb+/==, Basic realm=a"], [("negotiate", {}), ("basic", {"realm": "a"})]),
        (["Negotiate, NTLM,Basic"], [("negotiate", {}), ("ntlm", {}), ("basic", {})]),
        (["BEARER Realm = https://a/t?x=y , ,service=s,"], [("bearer", {"realm": "https://a/t?x=y", "service": "s"})]),
        ([r'Basic realm="say \"hi\", \\friend"'], [("basic", {"realm": r'say "hi", \friend'})]),
        (['Bearer realm="a" service="b"'], [("bearer", {"realm": "a", "service": "b"})]),
        (['Bearer realm="a",realm="b"'], [("bearer", {"realm": "a"})]),
        (['Bearer realm=""'], [("bearer", {"realm": ""})]),
        (['Bearer realm="a",service="never ends, scope=x'], [("bearer", {"realm": "a"})]),
        (["", " , ", '"', "=", "é"], []),
    ],
)
def test_what_registries_send_is_read(fields: list[str], found: list[tuple[str, dict[str, str]]]) -> None:
    assert [(challenge.scheme, challenge.parameters) for challenge in parse_challenges(fields)] == found


@given(st.lists(challenges, max_size=4))
def test_challenges_are_read_as_they_are_written_in_one_field_and_in_many(written: list[Challenge]) -> None:
    texts = [str(challenge) for challenge in written]

    for fields in ([", ".join(texts)], texts):
        read = parse_challenges(fields)
        assert [(one.scheme, one.parameters) for one in read] == [(one.scheme, one.parameters) for one in written]


@given(st.lists(st.text() | st.text('abc=", \\'), max_size=5))
def test_no_text_is_too_odd_to_be_read(fields: list[str]) -> None:
    assert len(parse_challenges(fields)) <= limits.CHALLENGES


@pytest.mark.parametrize("bomb", ['Bearer realm="' + "\\" * 10**6, "a " * 10**6, 'a b="c",' * 10**6, "a=" * 10**6])
def test_only_so_much_is_looked_at(bomb: str) -> None:
    found = parse_challenges([bomb] * 10)

    assert len(found) <= limits.CHALLENGES
    assert all(len(challenge.parameters) <= limits.CHALLENGE_PARAMETERS for challenge in found)
