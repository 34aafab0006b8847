"""Requests that cannot be read, lead nowhere or come too often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.errors.root import RETRY_AFTER_S, RegistryError


class ParameterInvalid(RegistryError):
    """A query parameter or header cannot be read."""

    def __init__(self, name: str, expected: str) -> None:
        self.name, self.expected = name, expected
        self.message = f"{name}: expected {expected}"

    @property
    def detail(self) -> object:
        return {"parameter": self.name, "expected": self.expected}


class PageSizeInvalid(RegistryError):
    """`n` is not a count of entries."""

    message = "n: expected a whole number of entries, 0 or more"


class RouteUnknown(RegistryError):
    """No resource has this path."""

    message = "no such resource; the API is described at /api/v1/openapi.json"


class MethodNotAllowed(RegistryError):
    """The resource exists but does not take this method."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.allowed = tuple(sorted(allowed))
        self.message = f"this resource takes {', '.join(self.allowed)}"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class RequestInvalid(RegistryError):
    """A request that cannot be understood as HTTP or breaks a bound on its head."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"the request cannot be read: {reason}"


class RequestHeadTooLarge(RegistryError):
    """A request's line, or one of its header fields, is longer than the limit (bytes)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.message = f"the request's line and each of its header fields may be at most {limit} bytes"


class TooManyRequests(RegistryError):
    """The client asks more often than it may; after `retry_after_s` it may again."""

    message = "too many requests; try again later"

    def __init__(self, retry_after_s: int = RETRY_AFTER_S) -> None:
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after_s)}
