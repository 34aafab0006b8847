"""What the tests of the client share: a session, and quick settings."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from registry_client.settings import Settings

QUICK = Settings(backoff_s=0.01, backoff_max_s=0.02, retry_after_max_s=3, connect_s=5, stall_s=20)
"""As patient as others, but for the pauses: what fails in a test fails at once, or not at all."""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps no cookies."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def quick() -> Settings:
    """Settings of a client that does not pause for long."""
    return QUICK
