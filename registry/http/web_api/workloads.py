"""The workloads that robots trust, in the web API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta, Struct

from registry import limits
from registry.auth.account_name import AccountName
from registry.auth.permission import Permission
from registry.auth.workload_trust import ClaimPattern, WorkloadTrust
from registry.config.issuer import IssuerUrl
from registry.errors import ParameterInvalid, TrustInvalid
from registry.http.call import Call
from registry.http.routing import RouteTable
from registry.http.web_api import answers
from registry.http.web_api.operations import describes
from registry.http.web_api.parameters import NoParameters, read_body, read_query
from registry.http.web_api.representations import Time
from registry.services import workload_trusts
from registry.services.workload_trusts import Trusted

routes = RouteTable("api_workloads")

_LIST: Final = "/api/v1/robots/{robot}/workloads"
_PATH: Final = "/api/v1/robots/{robot}/workloads/{id}"
# More digits than any number has; int() of very many digits would take long, or refuse.
_DIGITS: Final = 18


class NewWorkload(Struct, frozen=True, forbid_unknown_fields=True):
    """Which workload shall be trusted: one with a token of this issuer, for this audience, with all these claims."""

    issuer: Annotated[str, Meta(examples=["https://token.actions.githubusercontent.com"])]
    audience: Annotated[str, Meta(examples=["registry.example.com"])]
    claims: Annotated[
        dict[str, str],
        Meta(
            max_length=limits.CLAIMS_OF_A_TRUST,
            description="What each has to be; a value may end with `:*` or `/*`, for any further parts.",
            examples=[{"sub": "repo:team/app:*"}],
        ),
    ]

    @property
    def trust(self) -> WorkloadTrust:
        """The same as a value.

        Raises:
            TrustInvalid: it does not say well enough what is meant.
        """
        try:
            issuer = IssuerUrl.parse(self.issuer)
        except ValueError as error:
            raise TrustInvalid(f"issuer: {error}") from None
        claims = [ClaimPattern.parse(f"{name}={value}") for name, value in self.claims.items()]
        return WorkloadTrust.of(issuer, self.audience, claims)


class Workload(Struct, frozen=True):
    """A workload that may act as a robot."""

    id: int
    issuer: str
    audience: str
    claims: dict[str, str]
    created_at: Time
    created_by: str


class WorkloadList(Struct, frozen=True):
    """All workloads that may act as a robot, the oldest first."""

    robot: str
    workloads: list[Workload]


@routes.get(_LIST, permission=Permission.SELF)
@describes("List the workloads that may act as a robot", answer=WorkloadList)
async def list_workloads(call: Call) -> web.StreamResponse:
    """Answer all workloads that a robot trusts."""
    read_query(call, NoParameters)
    found = await workload_trusts.listing(call.services, call.subject, _robot(call))
    return answers.content(WorkloadList(call.parameters["robot"], list(map(_workload, found))))


@routes.post(_LIST, permission=Permission.SELF)
@describes(
    "Let a workload act as a robot; needs a password, not a token",
    body=NewWorkload,
    answer=Workload,
    status=HTTPStatus.CREATED,
)
async def trust_workload(call: Call) -> web.StreamResponse:
    """Trust a workload."""
    read_query(call, NoParameters)
    wanted = await read_body(call, NewWorkload)
    made = await workload_trusts.add(call.services, call.subject, _robot(call), wanted.trust)
    return answers.made(call, f"{_LIST.format_map(call.parameters)}/{made.number}", _workload(made))


@routes.delete(_PATH, permission=Permission.SELF)
@describes("Let a workload act as a robot no more")
async def distrust_workload(call: Call) -> web.StreamResponse:
    """Trust a workload no more."""
    read_query(call, NoParameters)
    robot, number = _robot(call), call.parameters["id"]
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise ParameterInvalid("id", "the number of a workload")
    await workload_trusts.remove(call.services, call.subject, robot, int(number))
    return answers.nothing()


def _robot(call: Call) -> AccountName:
    return AccountName.parse(call.parameters["robot"])


def _workload(trusted: Trusted) -> Workload:
    workload = trusted.workload
    claims = {pattern.name: pattern.value for pattern in workload.claims}
    return Workload(
        trusted.number, str(workload.issuer), workload.audience, claims, trusted.created_at, trusted.created_by
    )
