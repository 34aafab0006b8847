"""What the commands that speak to registries share: connections as their flags ask for, and errors in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from oci_spec.descriptor import Platform
from oci_spec.platforms import parse_platform
from registry_client.client import RegistryClient
from registry_client.errors import RegistryClientError, Unauthorized
from runner.cli.errors import Failed
from runner.cli.parsing import Arguments
from runner.images import host
from runner.registries.connecting import connected
from runner.registries.endpoints import Endpoint

_Result = TypeVar("_Result")


def connect(endpoint: Endpoint) -> AbstractAsyncContextManager[RegistryClient]:
    """The registry of an endpoint, with the certificates and logins of this machine."""
    return connected(endpoint)


def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Do the work to its end.

    Raises:
        Failed: a registry did not do its part.
    """
    with told():
        return asyncio.run(work)


@contextmanager
def told() -> Iterator[None]:
    """Tell what goes wrong with a registry, or with what is kept of its logins, in one line.

    Raises:
        Failed: something did.
    """
    try:
        yield
    except Unauthorized as error:
        raise Failed(f"Error: {error}; `runner login` keeps a login that may suffice") from error
    except RegistryClientError as error:
        raise Failed(f"Error: {error}") from error


def tls_verify(arguments: Arguments) -> bool | None:
    """What `--tls-verify` says, None if it is not there."""
    return arguments.flag("tls-verify") if arguments.given("tls-verify") else None


def platform(arguments: Arguments) -> Platform | None:
    """What `--platform` says, None if it is not there.

    Raises:
        PlatformInvalid: it names none.
    """
    text = arguments.text("platform")
    return None if text is None else parse_platform(text, host.platform())
