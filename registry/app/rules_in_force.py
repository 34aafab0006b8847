"""Which policy decides, by the configuration."""

from __future__ import annotations

from registry.auth.policy import OpenPolicy, Policy
from registry.config.schema import Auth
from registry.metadata.database import Database


def policy_of(auth: Auth, database: Database) -> Policy:
    """The rules in force."""
    if auth.mode == "none":
        return OpenPolicy()
    from registry.auth.rules import RulesPolicy

    return RulesPolicy(database, anonymous_pull=auth.anonymous_pull)
