"""The rules of access, written out: what each route needs, and how whoever lacks it is answered.

The program has tables of its own, which this one must not be made from. **A new route needs a row in `ROWS`**: without
one `test_every_route_has_a_rule` fails. A row says which role in the repository of the path it needs, or what else
(`Needs`), what for (`Action`: what tokens and credentials are narrowed to), and a request that changes nothing even
where it is allowed, with the status that it then has: mostly one that is malformed, which is told after it was allowed.
A route whose service asks once more (whose account, whose namespace) needs a request that comes so far, and may have
several rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from oci_spec.digest import Digest

PUBLIC, PRIVATE, FOREIGN, MISSING, NOBODYS = "team/public", "team/private", "other/private", "team/missing", "none/app"
REPOSITORIES = (PUBLIC, PRIVATE, FOREIGN, MISSING, NOBODYS)
"""A public and a private one, another organisation's private one, one that is not there, one without a namespace."""


class Role(IntEnum):
    """Who somebody is in a repository; each may do what those before it may."""

    NONE = 0
    READER = 1
    WRITER = 2
    MAINTAINER = 3
    OWNER = 4


class Action(Enum):
    """What tokens and credentials are narrowed to."""

    PULL = auto()
    PUSH = auto()
    DELETE = auto()
    MANAGE = auto()


class Needs(Enum):
    """What a route may need that is no role in a repository."""

    NOTHING = auto()
    LOGIN = auto()
    """To have brought any token or credentials."""
    NO_TOKEN = auto()
    """Not to be the bearer of a token of the token server, who gets no other one."""
    CATALOG = auto()
    ACCOUNT = auto()
    """An account, and a credential for all that it may."""
    ADMINISTRATOR = auto()


class Scheme(Enum):
    """How credentials are brought."""

    NONE = auto()
    BASIC = auto()
    SECRET = auto()
    """A personal or a robot's token, as a bearer token."""
    TOKEN = auto()
    """A token of the token server."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Caller:
    """Somebody with credentials: what they may by their account, and what of it by their credentials."""

    name: str
    authorization: str = ""
    scheme: Scheme = Scheme.NONE
    roles: dict[str, Role]
    reach: frozenset[tuple[str, Action]]
    """The repositories and actions that the credentials are for."""
    account: str = ""
    """The account's name, of those whose credentials are for all that it may."""
    by_password: bool = False
    has_account: bool = True
    is_administrator: bool = False
    is_whole: bool = False
    """Whether the credentials are for all that the account may."""
    sees_catalog: bool = True
    is_dead: bool = False
    """Whether the credentials prove nothing (any more)."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a route needs, and a harmless request of it; `{name}` stands for the repository."""

    method: str
    route: str
    needs: Needs | tuple[Role, Action]
    admitted: int
    query: str = ""
    body: bytes = b""
    also: tuple[Role, Action] | None = None
    """What its service needs in the repository besides; who lacks it is denied."""
    whose: str | None = None
    """The account that it is about, which is not there to anybody but its person and administrators."""
    by_password: bool = False
    """Whether whoever brings a token is denied, whatever their account may."""

    @property
    def is_of_repository(self) -> bool:
        return "{name}" in self.route or self.also is not None

    @property
    def is_distribution(self) -> bool:
        return self.route.startswith("/v2")

    def path(self, repository: str) -> str:
        values = {"name": repository, "repositories": repository.replace("/", "%2F"), "account": self.whose or "absent"}
        return self.route.format_map(_VALUES | values) + self.query


_VALUES = {
    "digest": str(Digest.of(b"in no repository")),
    "reference": str(Digest.of(b"in no repository")),
    "upload": "none",
    "tag": "none",
    "pattern": "none",
    "who": "absent",
    "id": "0",
    "robot": "team+absent",
    "organisation": "absent",
    "team": "absent",
}
_READ, _PUSH = (Role.READER, Action.PULL), (Role.WRITER, Action.PUSH)
_DELETE, _MAINTAIN = (Role.MAINTAINER, Action.DELETE), (Role.MAINTAINER, Action.MANAGE)
_OWN = (Role.OWNER, Action.MANAGE)
_API = "/api/v1/repositories/{name}"
_ORGANISATION = "/api/v1/organisations/{organisation}"
_ACCOUNT = "/api/v1/accounts/{account}"
# It would have expired: that is told to whoever may make one.
_TOKEN = b'{"name": "ci", "expires_at": "2020-01-01T00:00:00Z"}'
# No route takes it; that is told to whoever may use the route.
_WRONG = "?wrong=1"

ROWS = (
    Row("GET", "/healthz", Needs.NOTHING, 200),
    Row("GET", "/readyz", Needs.NOTHING, 200),
    Row("GET", "/metrics", Needs.ADMINISTRATOR, 200),
    Row("GET", "/.well-known/jwks.json", Needs.NOTHING, 200),
    Row("GET", "/token", Needs.NO_TOKEN, 200),
    Row("POST", "/token", Needs.NOTHING, 400),
    # Here no provider is configured, and no such thing is there for anybody.
    Row("GET", "/token/openid", Needs.NOTHING, 404),
    Row("POST", "/token/openid", Needs.NOTHING, 404),
    Row("GET", "/v2", Needs.LOGIN, 200),
    Row("GET", "/v2/", Needs.LOGIN, 200),
    Row("GET", "/v2/_catalog", Needs.CATALOG, 400, "?n=x"),
    Row("GET", "/v1/_ping", Needs.NOTHING, 200),
    Row("GET", "/v1/search", Needs.CATALOG, 400),
    Row("GET", "/v2/{name}/blobs/{digest}", _READ, 404),
    Row("HEAD", "/v2/{name}/blobs/{digest}", _READ, 404),
    Row("DELETE", "/v2/{name}/blobs/{digest}", _DELETE, 404),
    Row("POST", "/v2/{name}/blobs/uploads/", _PUSH, 400, "?digest=x"),
    Row("POST", "/v2/{name}/blobs/uploads", _PUSH, 400, "?digest=x"),
    Row("GET", "/v2/{name}/blobs/uploads/{upload}", _PUSH, 404),
    Row("PATCH", "/v2/{name}/blobs/uploads/{upload}", _PUSH, 404),
    Row("PUT", "/v2/{name}/blobs/uploads/{upload}", _PUSH, 400, "?digest=x"),
    Row("DELETE", "/v2/{name}/blobs/uploads/{upload}", _PUSH, 404),
    Row("GET", "/v2/{name}/manifests/{reference}", _READ, 404),
    Row("PUT", "/v2/{name}/manifests/{reference}", _PUSH, 400, body=b"{"),
    Row("DELETE", "/v2/{name}/manifests/{reference}", _DELETE, 404),
    Row("GET", "/v2/{name}/tags/list", _READ, 400, "?n=x"),
    Row("GET", "/v2/{name}/referrers/{digest}", _READ, 400, "?last=x"),
    Row("GET", "/api/v1/openapi.json", Needs.NOTHING, 200),
    Row("GET", "/api/v1/account", Needs.LOGIN, 400, _WRONG),
    Row("GET", "/api/v1/accounts", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("POST", "/api/v1/accounts", Needs.ADMINISTRATOR, 409, body=b'{"name": "boss"}', by_password=True),
    Row("GET", _ACCOUNT, Needs.ACCOUNT, 200, whose="boss"),
    Row("GET", _ACCOUNT, Needs.ACCOUNT, 404, whose="absent"),
    Row("PATCH", _ACCOUNT, Needs.ADMINISTRATOR, 404, body=b'{"is_admin": true}', whose="absent", by_password=True),
    Row("DELETE", _ACCOUNT, Needs.ADMINISTRATOR, 404, whose="absent"),
    Row(
        "PUT",
        f"{_ACCOUNT}/password",
        Needs.ACCOUNT,
        404,
        body=b'{"password": "another battery"}',
        whose="absent",
        by_password=True,
    ),
    Row("GET", f"{_ACCOUNT}/tokens", Needs.ACCOUNT, 200, whose="boss"),
    Row("GET", f"{_ACCOUNT}/tokens", Needs.ACCOUNT, 404, whose="absent"),
    Row("POST", f"{_ACCOUNT}/tokens", Needs.ACCOUNT, 400, body=_TOKEN, whose="boss", by_password=True),
    Row("DELETE", f"{_ACCOUNT}/tokens/{{id}}", Needs.ACCOUNT, 404, whose="boss"),
    Row("GET", "/api/v1/keys", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("POST", "/api/v1/keys", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", "/api/v1/status", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", "/api/v1/audit", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", "/api/v1/audit/export", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", "/api/v1/audit/verification", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", "/api/v1/repositories", Needs.CATALOG, 400, _WRONG),
    Row("GET", "/api/v1/search", Needs.CATALOG, 400, _WRONG),
    Row("GET", _API, _READ, 400, _WRONG),
    Row("PATCH", _API, _MAINTAIN, 400, _WRONG),
    Row("DELETE", _API, _DELETE, 400, _WRONG),
    Row("PUT", f"{_API}/visibility", _OWN, 400, _WRONG),
    Row("PUT", f"{_API}/owner", _OWN, 400, _WRONG),
    Row("GET", f"{_API}/grants", _OWN, 400, _WRONG),
    Row("GET", f"{_API}/tags", _READ, 400, _WRONG),
    Row("GET", f"{_API}/tags/{{tag}}", _READ, 400, _WRONG),
    Row("PUT", f"{_API}/tags/{{tag}}", _MAINTAIN, 400, _WRONG),
    Row("DELETE", f"{_API}/tags/{{tag}}", _DELETE, 400, _WRONG),
    Row("GET", f"{_API}/tags/{{tag}}/history", _READ, 400, _WRONG),
    Row("POST", f"{_API}/tags/{{tag}}/restore", _MAINTAIN, 400, _WRONG),
    Row("GET", f"{_API}/protections", _READ, 400, _WRONG),
    Row("PUT", f"{_API}/protections/{{pattern}}", _MAINTAIN, 400, _WRONG),
    Row("DELETE", f"{_API}/protections/{{pattern}}", _MAINTAIN, 400, _WRONG),
    Row("GET", "/api/v1/organisations", Needs.ACCOUNT, 400, _WRONG),
    Row("POST", "/api/v1/organisations", Needs.ADMINISTRATOR, 400, _WRONG),
    Row("GET", _ORGANISATION, Needs.ACCOUNT, 404),
    Row("DELETE", _ORGANISATION, Needs.ACCOUNT, 404),
    Row("GET", f"{_ORGANISATION}/members", Needs.ACCOUNT, 404),
    Row("PUT", f"{_ORGANISATION}/members/{{account}}", Needs.ACCOUNT, 404, body=b'{"is_owner": false}'),
    Row("DELETE", f"{_ORGANISATION}/members/{{account}}", Needs.ACCOUNT, 404),
    Row("GET", f"{_ORGANISATION}/teams", Needs.ACCOUNT, 404),
    Row("POST", f"{_ORGANISATION}/teams", Needs.ACCOUNT, 404, body=b'{"name": "builders"}'),
    Row("GET", f"{_ORGANISATION}/teams/{{team}}", Needs.ACCOUNT, 404),
    Row("DELETE", f"{_ORGANISATION}/teams/{{team}}", Needs.ACCOUNT, 404),
    Row("GET", f"{_ORGANISATION}/teams/{{team}}/members", Needs.ACCOUNT, 404),
    Row("PUT", f"{_ORGANISATION}/teams/{{team}}/members/{{account}}", Needs.ACCOUNT, 404),
    Row("DELETE", f"{_ORGANISATION}/teams/{{team}}/members/{{account}}", Needs.ACCOUNT, 404),
    Row("GET", "/api/v1/robots", Needs.ACCOUNT, 400, _WRONG),
    Row("POST", "/api/v1/robots", Needs.ACCOUNT, 400, _WRONG),
    Row("GET", "/api/v1/robots/{robot}", Needs.ACCOUNT, 404),
    Row("PATCH", "/api/v1/robots/{robot}", Needs.ACCOUNT, 404, body=b'{"is_disabled": true}'),
    Row("DELETE", "/api/v1/robots/{robot}", Needs.ACCOUNT, 404),
    Row("GET", "/api/v1/robots/{robot}/workloads", Needs.ACCOUNT, 404),
    Row("POST", "/api/v1/robots/{robot}/workloads", Needs.ACCOUNT, 400, _WRONG),
    Row("DELETE", "/api/v1/robots/{robot}/workloads/{id}", Needs.ACCOUNT, 404),
    Row("GET", "/api/v1/grants/{who}", Needs.ACCOUNT, 400, _WRONG),
    Row("PUT", "/api/v1/grants/{who}/{repositories}", Needs.ACCOUNT, 404, body=b'{"role": "reader"}', also=_OWN),
    Row("DELETE", "/api/v1/grants/{who}/{repositories}", Needs.ACCOUNT, 404, also=_OWN),
)


def expected(row: Row, caller: Caller, repository: str) -> int:
    """The status that the answer has to have."""
    if caller.is_dead:
        return 401
    if _may(row, caller, repository):
        if row.whose is not None and caller.account != row.whose and not caller.is_administrator:
            return 404
        return 403 if row.by_password and not caller.by_password else row.admitted
    if _lacks_namespace(row, caller, repository):
        return 403
    if row.needs is Needs.NO_TOKEN:
        return 401
    if row.is_distribution:
        return 403 if caller.scheme is Scheme.BASIC else 401
    if caller.scheme is Scheme.NONE:
        return 401
    is_hidden = row.also is None and row.is_of_repository and not _holds(_READ, caller, repository)
    return 404 if is_hidden else 403


def is_hidden(row: Row, caller: Caller, repository: str) -> bool:
    """Whether the answer must be that of a repository which is not there."""
    return row.is_of_repository and not _holds(_READ, caller, repository) and repository != NOBODYS


def _may(row: Row, caller: Caller, repository: str) -> bool:
    match row.needs:
        case Needs.NOTHING:
            return True
        case Needs.LOGIN:
            return caller.scheme is not Scheme.NONE
        case Needs.NO_TOKEN:
            return caller.scheme is not Scheme.TOKEN
        case Needs.CATALOG:
            return caller.sees_catalog
        case Needs.ACCOUNT:
            return caller.is_whole and (row.also is None or _holds(row.also, caller, repository))
        case Needs.ADMINISTRATOR:
            return caller.is_whole and caller.is_administrator
        case needed:
            return _holds(needed, caller, repository)


def _holds(needed: tuple[Role, Action], caller: Caller, repository: str) -> bool:
    role, action = needed
    held = max(caller.roles.get(repository, Role.NONE), Role.READER if repository == PUBLIC else Role.NONE)
    return held >= role and (repository, action) in caller.reach


def _lacks_namespace(row: Row, caller: Caller, repository: str) -> bool:
    """Whoever would push into a namespace that nobody made is told so, if they have an account."""
    reaches = (repository, Action.PUSH) in caller.reach
    return repository == NOBODYS and row.needs == _PUSH and caller.has_account and reaches
