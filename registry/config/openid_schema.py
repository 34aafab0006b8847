"""The keys of `[auth.oidc]`."""

from typing import Annotated

from msgspec import Meta, Struct

from registry import limits as bounds
from registry.config.issuer import IssuerUrl
from registry.config.takes_effect import RESTART
from registry.config.values import PlainText


class Oidc(Struct, frozen=True, kw_only=True):
    """People whom an OpenID provider knows; they log in with `registry login --oidc`, by way of a browser."""

    issuer: Annotated[
        IssuerUrl | None,
        RESTART,
        Meta(description="The provider, exactly as it calls itself; set, it is trusted to say who people are."),
    ] = None
    client_id: Annotated[
        PlainText | None,
        RESTART,
        Meta(
            description="What the provider calls the registry: a public client (without a secret) that may use the "
            "device flow."
        ),
    ] = None
    scope: Annotated[
        PlainText,
        RESTART,
        Meta(description="What the provider is asked to tell, with spaces between; some need more for groups."),
    ] = PlainText("openid profile")
    account_claim: Annotated[
        PlainText,
        RESTART,
        Meta(description="Claim that becomes the account's name at the first login, in lower case."),
    ] = PlainText("preferred_username")
    account_domain: Annotated[
        PlainText | None,
        RESTART,
        Meta(
            description="What is left out of that claim behind an `@`, where it is an address; those of other domains "
            "get no account."
        ),
    ] = None
    groups_claim: Annotated[PlainText, RESTART, Meta(description="Claim that lists a person's groups.")] = PlainText(
        "groups"
    )
    allowed_groups: Annotated[
        tuple[PlainText, ...],
        RESTART,
        Meta(description="Groups of which one is needed to log in; empty lets in everybody whom the provider knows."),
    ] = ()
    admin_groups: Annotated[
        tuple[PlainText, ...],
        RESTART,
        Meta(
            description="Groups whose people administer the registry, and nobody else of the provider, as of their "
            "last login; empty leaves that to the registry."
        ),
    ] = ()
    token_lifetime_s: Annotated[
        int,
        RESTART,
        Meta(ge=3600, le=31_536_000, description="How long the token can be used that a login leaves with the client."),
    ] = bounds.OPENID_TOKEN_LIFETIME_S
