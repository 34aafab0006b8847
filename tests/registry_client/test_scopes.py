from hypothesis import given
from hypothesis import strategies as st

from oci_spec.reference import RepositoryName
from registry_client.scopes import Scope, Scopes, to_pull, to_push

resources = st.from_regex(r"[a-z]{1,6}:[a-z]{1,4}(:[0-9]{1,4})?/[a-z]{1,4}", fullmatch=True)
scopes = st.builds(Scope, resources, st.frozensets(st.sampled_from(["pull", "push", "delete", "*"]), min_size=1))


@given(scopes)
def test_a_scope_is_read_as_it_is_written(scope: Scope) -> None:
    assert Scope.parse(str(scope)) == scope


def test_the_last_colon_stands_before_the_actions() -> None:
    scope = Scope.parse("repository:host:5000/a/b:push,pull")

    assert (scope.resource, scope.actions) == ("repository:host:5000/a/b", frozenset({"push", "pull"}))
    assert str(scope) == "repository:host:5000/a/b:pull,push"


def test_a_scope_of_a_registrys_own_making_is_sent_back_as_it_came() -> None:
    assert Scopes.parse("aws  https://own/scope").texts() == ["aws", "https://own/scope"]


@given(st.lists(scopes), st.lists(scopes))
def test_scopes_of_one_resource_become_one_that_covers_them(some: list[Scope], others: list[Scope]) -> None:
    joined = Scopes(some) | Scopes(others)

    assert joined == Scopes([*others, *some])
    assert joined.covers(Scopes(some))
    assert joined.covers(Scopes(others))
    assert len(joined.texts()) == len({scope.resource for scope in [*some, *others]})
    assert Scopes.parse(" ".join(joined.texts())) == joined


def test_to_push_covers_to_pull_and_a_mount_needs_more() -> None:
    own, source = RepositoryName("a/b"), RepositoryName("c")

    assert to_push(own).covers(to_pull(own))
    assert not to_pull(own).covers(to_push(own))
    assert to_push(own, source).texts() == ["repository:a/b:pull,push", "repository:c:pull"]
    assert not to_push(own).covers(to_push(own, source))
