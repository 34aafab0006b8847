"""Whether this process can serve: the database and the storage are really asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from registry import limits
from registry.errors import RegistryError
from registry.metadata.revision import SchemaMismatch
from registry.services.context import Services
from storage_backends.errors import StorageError

OK = "ok"


async def check(services: Services) -> dict[str, str]:
    """`ok`, or what is wrong, for each part; an answer that takes longer than the limit counts as none."""
    database, storage = await asyncio.gather(
        _ask(services, "database", services.database.ping), _ask(services, "storage", services.store.probe)
    )
    return {"database": database, "storage": storage}


async def _ask(services: Services, part: str, question: Callable[[], Awaitable[None]]) -> str:
    try:
        await services.probes.ask(part, question, limits.READINESS_S)
    except TimeoutError:
        return f"no answer within {limits.READINESS_S} s"
    except (RegistryError, StorageError, SchemaMismatch) as error:
        return type(error).__name__
    return OK
