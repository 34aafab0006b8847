"""People and workloads that an OpenID provider vouches for."""

from __future__ import annotations

from registry.errors.root import RegistryError


class IdentityUnnamed(RegistryError):
    """A provider knows somebody, but by no name that an account can have; `text` is the one it gives.

    `is_verified` is whether the provider stands for it.
    """

    def __init__(self, claim: str, text: str | None, *, is_verified: bool = True) -> None:
        self.claim = claim
        reason = "which no account can be called" if is_verified else "which the provider has not verified"
        named = "is missing" if text is None else f"is {text[:100]!r}, {reason}"
        self.message = f"the provider's claim {claim} {named}"


class TrustInvalid(RegistryError, ValueError):
    """What shall be trusted is not said well enough; `reason` tells why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.message = f"this workload cannot be trusted: {reason}"


class TrustUnknown(RegistryError):
    """The robot trusts no workload of this number."""

    def __init__(self, robot: str, number: int) -> None:
        self.robot, self.number = robot, number
        self.message = f"{robot} trusts no workload {number}"


class TrustsTooMany(RegistryError):
    """The robot trusts as many workloads as one can."""

    def __init__(self, robot: str, most: int) -> None:
        self.robot = robot
        self.message = f"{robot} trusts {most} workloads already; stop trusting one that is not needed any more"
