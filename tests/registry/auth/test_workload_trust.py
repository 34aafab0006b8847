"""Which workloads are trusted: exactly those that are meant, and nobody who can choose a name that resembles theirs."""

from __future__ import annotations

from typing import Any

import pytest

from registry import limits
from registry.auth.id_tokens import IdToken
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.config.issuer import IssuerUrl
from registry.errors import TrustInvalid

GITHUB = IssuerUrl.parse("https://token.actions.githubusercontent.com")
MAIN = "repo:team/app:ref:refs/heads/main"


def a_token(issuer: IssuerUrl = GITHUB, audience: str = "moorage", **claims: Any) -> IdToken:
    held = {"sub": MAIN, **claims}
    return IdToken(issuer, str(held["sub"]), frozenset({audience}), None, 0, held)


def trust(*claims: str, audience: str = "moorage") -> WorkloadTrust:
    return WorkloadTrust.of(GITHUB, audience, map(ClaimPattern.parse, claims))


def test_a_token_with_all_the_claims_fits_and_no_other() -> None:
    trusted = trust(f"sub={MAIN}", "ref_protected=true", "run_attempt=1")

    assert trusted.fits(a_token(ref_protected=True, run_attempt=1, more="x"))
    assert trusted.fits(a_token(ref_protected="true", run_attempt="1"))
    assert not trusted.fits(a_token(ref_protected=False, run_attempt=1))
    assert not trusted.fits(a_token(ref_protected=True))
    assert not trusted.fits(a_token(ref_protected=["true"], run_attempt=1))
    assert not trusted.fits(a_token(ref_protected=True, run_attempt=1.0))
    assert not trusted.fits(a_token(ref_protected=True, run_attempt=1, sub=MAIN.upper()))


def test_issuer_and_audience_are_compared_as_a_whole() -> None:
    trusted = trust(f"sub={MAIN}")

    assert not trusted.fits(a_token(IssuerUrl.parse(f"{GITHUB}/")))
    assert not trusted.fits(a_token(audience="moorage2"))


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("sub=repo:team/app:*", [MAIN, "repo:team/app:pull_request"], ["repo:team/app-evil:x", "repo:team/app:"]),
        ("sub=repo:team/*", [MAIN], ["repo:team-evil/app:x", "xrepo:team/app:x", "repo:team"]),
        ("sub=a=b", ["a=b"], ["a"]),
    ],
)
def test_a_star_stands_for_whole_parts_at_the_end(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    parsed = ClaimPattern.parse(pattern)

    assert [parsed.fits({"sub": value}) for value in fits] == [True] * len(fits)
    assert [parsed.fits({"sub": value}) for value in fits_not] == [False] * len(fits_not)
    assert str(parsed) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sub",
        "=x",
        "sub=",
        "sub=*",
        "sub=:*",
        "sub=//*",
        "sub=repo:team/app*",
        "sub=repo:*/app",
        "sub=repo:**",
        "iss=https://token.actions.githubusercontent.com",
        "aud=moorage",
        "sub=repo:team/*:*",
        "sub=a\nb",
        "s ub=x",
        "sub=" + "x" * (limits.CLAIM_CHARACTERS + 1),
        "x" * 200 + "=x",
    ],
)
def test_what_would_trust_more_than_it_says_is_refused(text: str) -> None:
    with pytest.raises(TrustInvalid):
        ClaimPattern.parse(text)


@pytest.mark.parametrize(
    ("claims", "audience"),
    [
        ([], "moorage"),
        (["sub=x", "sub=y"], "moorage"),
        (["sub=x"], ""),
        (["sub=x"], "a\nb"),
        (["sub=x"], "x" * (limits.CLAIM_CHARACTERS + 1)),
        ([f"claim{number}=x" for number in range(limits.CLAIMS_OF_A_TRUST + 1)], "moorage"),
    ],
)
def test_a_trust_without_a_claim_or_with_an_unclear_one_is_refused(claims: list[str], audience: str) -> None:
    with pytest.raises(TrustInvalid):
        trust(*claims, audience=audience)


def test_what_is_kept_reads_back() -> None:
    trusted = trust("sub=repo:team/app:*", "environment=production")

    assert WorkloadTrust.read(str(GITHUB), "moorage", trusted.claims_text) == trusted


@pytest.mark.parametrize(
    "claims",
    [
        ["sub=repo:*"],
        ["sub=spiffe://example.org/*"],
        ["sub=https://github.com/*"],
        ["sub=repo:*", "workflow_ref=team:*"],
    ],
)
def test_claims_that_may_be_anybodys_are_no_trust(claims: list[str]) -> None:
    with pytest.raises(TrustInvalid, match="may be anybody's"):
        trust(*claims)


@pytest.mark.parametrize(
    "claims",
    [
        ["sub=repo:*", "repository_owner=team"],
        ["sub=repo:team/*"],
        ["sub=system:serviceaccount:*"],
        ["sub=spiffe://example.org/ns/*"],
    ],
)
def test_a_value_or_two_parts_before_the_star_say_whose_they_are(claims: list[str]) -> None:
    assert len(trust(*claims).claims) == len(claims)
