"""What a caller may choose: times, attempts, and how far plain HTTP is trusted."""

from __future__ import annotations

from dataclasses import dataclass

from registry_client import limits


@dataclass(frozen=True, slots=True)
class Settings:
    """How patient a client is, and what it calls itself; each default stands in `limits`, with its reason.

    With `plain_http_realms`, a registry that is itself spoken to without TLS may send its clients to any token server
    without TLS; otherwise only to one on its own host. A registry with TLS never may.
    """

    attempts: int = limits.ATTEMPTS
    backoff_s: float = limits.BACKOFF_S
    backoff_max_s: float = limits.BACKOFF_MAX_S
    retry_after_max_s: float = limits.RETRY_AFTER_MAX_S
    connect_s: float = limits.CONNECT_S
    stall_s: float = limits.STALL_S
    answer_s: float = limits.ANSWER_S
    plain_http_realms: bool = False
    user_agent: str = "moorage"
