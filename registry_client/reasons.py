"""Why a connection failed, in plain words instead of those of the HTTP library."""

from __future__ import annotations

import os
import ssl

import aiohttp

_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})


def reason(error: Exception) -> str:
    """The reason, with host and port where those could not be connected to: a proxy's are not in the URL.

    What it says may come from the other side.
    """
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {_system(error.os_error)}"
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection was closed before the answer"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was closed in the middle of the answer"
    if isinstance(error, OSError):
        return _system(error)
    return str(error) or type(error).__name__


def tls_reason(error: Exception) -> str:
    """Why no secure connection came about."""
    cause = error.os_error if isinstance(error, aiohttp.ClientSSLError) else getattr(error, "certificate_error", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError) and cause.reason is not None:
        return "it does not speak HTTPS" if cause.reason in _NOT_TLS else cause.reason.replace("_", " ").lower()
    return str(cause)


def _system(error: OSError) -> str:
    # Numbers of name resolution are negative, and have texts of their own.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__
