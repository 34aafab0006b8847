"""Patterns of repositories: what they fit, how they are found, and what is none."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.reference import RepositoryName
from registry.auth.pattern import RepositoryPattern, buckets
from registry.errors import PatternInvalid

NAMES = st.from_regex(r"[ab]{1,3}(/[ab]{1,3}){0,3}", fullmatch=True)
PATTERNS = st.from_regex(r"\*|[ab]{1,2}(/[ab*]{1,3}){1,3}|[ab]{1,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("team/app", "team/app", True),
        ("team/app", "team/app2", False),
        ("team/*", "team/app", True),
        ("team/*", "team/sub/app", True),
        ("team/*", "teams/app", False),
        ("team/app-*", "team/app-1", True),
        ("team/app-*", "team/app", False),
        ("team/*/app", "team/x/app", True),
        ("team/*b", "team/b", True),
        ("library/*", "alpine", False),
        ("*", "alpine", True),
        ("*", "team/app", True),
    ],
)
def test_a_pattern_fits_the_names_in_which_its_stars_stand_for_some_text(pattern: str, name: str, fits: bool) -> None:
    assert RepositoryPattern.parse(pattern).fits(RepositoryName.parse(name)) is fits


@pytest.mark.parametrize("text", ["", "**x", "te*m/app", "*/app", "Team/*", "team/", "/x", "team//x", "a" * 256, "x\n"])
def test_what_no_repository_could_fit_or_leaves_its_namespace_open_is_no_pattern(text: str) -> None:
    with pytest.raises(PatternInvalid):
        RepositoryPattern.parse(text)


@given(PATTERNS, NAMES)
def test_a_pattern_fits_what_the_shell_would_find(pattern: str, name: str) -> None:
    assert RepositoryPattern.parse(pattern).fits(RepositoryName.parse(name)) is fnmatch.fnmatchcase(name, pattern)


@given(PATTERNS, NAMES)
def test_a_pattern_that_fits_is_in_a_bucket_of_the_name(pattern: str, name: str) -> None:
    parsed, repository = RepositoryPattern.parse(pattern), RepositoryName.parse(name)

    if parsed.fits(repository):
        assert parsed.bucket in buckets(repository)


@given(PATTERNS)
def test_a_pattern_is_what_it_was_parsed_from(text: str) -> None:
    assert str(RepositoryPattern.parse(text)) == text
