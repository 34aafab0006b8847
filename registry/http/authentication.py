"""Who sends a request."""

from __future__ import annotations

from aiohttp import web

from registry.auth.subject import ANONYMOUS, Subject


async def authenticate(_request: web.Request) -> Subject:
    """The subject that a request's credentials prove; without authentication, everybody is anonymous."""
    return ANONYMOUS
