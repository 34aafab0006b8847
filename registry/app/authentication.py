"""`auth.mode = "token"`: how the clients of one process prove who they are; imported in this mode only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from registry.app.login_sources import open_sources
from registry.auth.bearers import Bearers
from registry.auth.id_tokens import IdTokens
from registry.auth.openid_providers import OpenIdProviders
from registry.auth.rules import RulesPolicy
from registry.auth.tokens import Tokens
from registry.config import Config
from registry.config.openid_schema import Oidc
from registry.config.schema import Auth
from registry.http.authentication import Authentication
from registry.http.token_authentication import TokenAuthentication
from registry.services.context import Services
from registry.services.logins import Logins
from registry.services.openid_logins import LoginRules, OpenIdLogins
from registry.services.token_server import TokenServer
from registry.services.workloads import WorkloadLogins


@asynccontextmanager
async def open_authentication(
    config: Callable[[], Config], services: Services
) -> AsyncIterator[tuple[Authentication, TokenServer]]:
    """What proves who asks, and the server of tokens, until the block ends.

    Raises:
        SigningKeysUnreadable: the key that signs tokens is sealed, and not under `auth.key_file`.
    """
    policy = services.policy
    assert isinstance(policy, RulesPolicy), "the policy of this mode"
    # Here, so that a registry whose keys cannot be read says so when it starts, and others find its key at once.
    await services.signing_keys.signing()
    auth = config().auth
    async with open_sources(auth) as outside, AsyncExitStack() as stack:
        providers = OpenIdProviders(services.egress)
        stack.push_async_callback(providers.close)
        id_tokens = IdTokens(providers)
        workloads = WorkloadLogins(services.database, id_tokens)
        logins = Logins(
            services.database, services.passwords, services.credential_uses, outside=outside, workloads=workloads
        )
        openid = _openid(auth.oidc, services, id_tokens)
        server = TokenServer(services.database, policy, logins, _tokens(auth, services), openid=openid)
        bearers = Bearers(server.tokens, policy, services.database)
        yield TokenAuthentication(server, bearers, policy, config), server


def _openid(oidc: Oidc, services: Services, id_tokens: IdTokens) -> OpenIdLogins | None:
    if oidc.issuer is None or oidc.client_id is None:
        return None
    rules = LoginRules(
        issuer=oidc.issuer,
        client_id=str(oidc.client_id),
        scope=str(oidc.scope),
        account_claim=str(oidc.account_claim),
        account_domain=str(oidc.account_domain or ""),
        groups_claim=str(oidc.groups_claim),
        allowed_groups=frozenset(map(str, oidc.allowed_groups)),
        admin_groups=frozenset(map(str, oidc.admin_groups)),
        token_lifetime_s=oidc.token_lifetime_s,
    )
    return OpenIdLogins(services, id_tokens, rules)


def _tokens(auth: Auth, services: Services) -> Tokens:
    issuer, service = str(auth.issuer), str(auth.service)
    return Tokens(services.signing_keys, issuer=issuer, service=service, lifetime_s=auth.token_lifetime_s)
