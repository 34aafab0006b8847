"""Which workloads are trusted: those with tokens of an issuer, for an audience, whose claims are as they have to be.

A claim is compared as a whole, or as its beginning, where the pattern ends with `:*` or `/*`: what separates the parts
of a claim must stand before the star, or `repo:team/app*` would let in whoever can name a repository `team/app-evil`.
And something must be said that is not true of everybody's tokens: `repo:*` alone leaves open whose repository it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry import limits
from registry.config.issuer import IssuerUrl
from registry.errors import TrustInvalid

if TYPE_CHECKING:
    # Its module loads the library of signatures.
    from registry.auth.id_tokens import IdToken

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,127}")
_STAR: Final = "*"
_SEPARATORS: Final = (":", "/")
_PARTS: Final = re.compile("[:/]+")
_SCHEME: Final = re.compile("[a-z][a-z0-9+.-]*://")
# What is compared anyhow, for every token.
_SAID_ALREADY: Final = frozenset({"iss", "aud"})


@dataclass(frozen=True, slots=True)
class ClaimPattern:
    """A claim and what it has to be; `str(pattern)` is its text."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str) -> ClaimPattern:
        """The pattern that `NAME=VALUE` is.

        Raises:
            TrustInvalid: it is none, or its star could stand for more than whole parts of the claim.
        """
        name, equals, value = text.partition("=")
        if not equals or not _NAME.fullmatch(name) or not 0 < len(value) <= limits.CLAIM_CHARACTERS:
            raise TrustInvalid(f"{text[:100]!r} is no claim: NAME=VALUE, as in sub=repo:team/app:ref:refs/heads/main")
        if name in _SAID_ALREADY:
            raise TrustInvalid(f"the claim {name} says nothing more: issuer and audience are compared by themselves")
        if not value.isprintable():
            raise TrustInvalid(f"the claim {name} has characters that cannot be seen")
        if _STAR in value[:-1] or (value.endswith(_STAR) and not value[:-1].endswith(_SEPARATORS)):
            raise TrustInvalid(f"{value[:100]!r}: a star may stand at the end only, behind ':' or '/'")
        if value.removesuffix(_STAR).strip(":/") == "":
            raise TrustInvalid(f"the claim {name} may be anything")
        return cls(name, value)

    @property
    def is_telling(self) -> bool:
        """Whether it means less than a whole kind of workloads: a value, or two parts of one before the star."""
        if not self.value.endswith(_STAR):
            return True
        parts = _PARTS.split(_SCHEME.sub("", self.value).removesuffix(_STAR))
        return sum(map(bool, parts)) > 1

    def fits(self, claims: Mapping[str, object]) -> bool:
        """Whether the claim is there, and as it has to be."""
        text = _text(claims.get(self.name))
        if text is None:
            return False
        if self.value.endswith(_STAR):
            beginning = self.value.removesuffix(_STAR)
            return text.startswith(beginning) and len(text) > len(beginning)
        return text == self.value

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class WorkloadTrust:
    """Tokens of `issuer` for `audience` with all of `claims`."""

    issuer: IssuerUrl
    audience: str
    claims: tuple[ClaimPattern, ...]

    @classmethod
    def of(cls, issuer: IssuerUrl, audience: str, claims: Iterable[ClaimPattern]) -> WorkloadTrust:
        """Trust these tokens.

        Raises:
            TrustInvalid: no claim says whose they are, one stands there twice, or the audience is no text.
        """
        patterns = tuple(sorted(claims, key=lambda pattern: pattern.name))
        if not 0 < len(audience) <= limits.CLAIM_CHARACTERS or not audience.isprintable():
            raise TrustInvalid("the audience is no text that a token could be for")
        # Of issuers like those of CI systems, everybody has tokens.
        if not patterns:
            raise TrustInvalid("at least one claim has to say which tokens of the issuer are meant")
        if not any(pattern.is_telling for pattern in patterns):
            raise TrustInvalid(f"{patterns[0]} alone may be anybody's: say more before the star, or another claim")
        if len({pattern.name for pattern in patterns}) < len(patterns) or len(patterns) > limits.CLAIMS_OF_A_TRUST:
            raise TrustInvalid(f"each claim is compared once, and {limits.CLAIMS_OF_A_TRUST} at most")
        return cls(issuer, audience, patterns)

    @classmethod
    def read(cls, issuer: str, audience: str, claims: str) -> WorkloadTrust:
        """What was kept of it, its claims as `claims_text` made them."""
        kept: dict[str, str] = json.loads(claims)
        return cls(IssuerUrl(issuer), audience, tuple(ClaimPattern(name, value) for name, value in kept.items()))

    @property
    def claims_text(self) -> str:
        """The claims, to be kept."""
        return json.dumps({pattern.name: pattern.value for pattern in self.claims})

    def fits(self, token: IdToken) -> bool:
        """Whether a token, which was verified, is one of those that are trusted."""
        return (
            token.issuer == self.issuer
            and self.audience in token.audiences
            and all(pattern.fits(token.claims) for pattern in self.claims)
        )


def _text(value: object) -> str | None:
    """A claim as text; None for what is not one value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None
