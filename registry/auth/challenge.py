"""What `WWW-Authenticate` says to a client that has to bring a token (distribution's "Token Authentication")."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from registry.auth.token_scope import TokenScope

# Printable ASCII without the quote and the backslash: some clients know no escapes in a quoted string.
_QUOTABLE: Final = frozenset(map(chr, range(0x20, 0x7F))) - {'"', "\\"}


class TokenError(StrEnum):
    """Why the token that came does not do (RFC 6750, "Error Codes")."""

    INVALID = "invalid_token"
    INSUFFICIENT = "insufficient_scope"


def bearer(realm: str, service: str, scopes: Sequence[TokenScope] = (), error: TokenError | None = None) -> str:
    """The value of `WWW-Authenticate`: where to ask for a token (`realm`, an absolute URL), for whom and for what.

    Characters that cannot stand in a header's quoted value are left out.
    """
    parameters = {"realm": realm, "service": service}
    if scopes:
        parameters["scope"] = " ".join(map(str, scopes))
    if error is not None:
        parameters["error"] = error
    return "Bearer " + ",".join(f'{name}="{_quotable(value)}"' for name, value in parameters.items())


def _quotable(value: str) -> str:
    return "".join(character for character in value if character in _QUOTABLE)
