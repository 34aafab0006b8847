from typing import cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from registry.auth.permission import Permission
from registry.errors import MethodNotAllowed, RouteUnknown
from registry.http.application import TABLES
from registry.http.call import Call
from registry.http.routing import RouteInvalid, Router, RouteTable

ROUTER = Router(TABLES)
WORDS = ["blobs", "manifests", "tags", "list", "uploads", "referrers", "v2", "a", "_catalog", "", "sha256:1"]


async def answer(call: Call) -> web.StreamResponse:
    return web.Response()


@pytest.mark.parametrize(
    ("path", "label", "parameters"),
    [
        ("/v2/", "base", {}),
        ("/v2", "base", {}),
        ("/v2/_catalog", "catalog", {}),
        ("/v2/a/manifests/t", "manifest", {"name": "a", "reference": "t"}),
        ("/v2/a/b/c/manifests/sha256:1", "manifest", {"name": "a/b/c", "reference": "sha256:1"}),
        ("/v2/a/blobs/sha256:1", "blob", {"name": "a", "digest": "sha256:1"}),
        ("/v2/a/blobs/uploads/id", "blob_upload", {"name": "a", "upload": "id"}),
        ("/v2/a/tags/list", "tags", {"name": "a"}),
        ("/v2/a/referrers/sha256:1", "referrers", {"name": "a", "digest": "sha256:1"}),
        # Words of the API are legal in names: only the right end of a path decides.
        ("/v2/a/tags/list/manifests/x", "manifest", {"name": "a/tags/list", "reference": "x"}),
        ("/v2/a/manifests/x/tags/list", "tags", {"name": "a/manifests/x"}),
        ("/v2/blobs/uploads/blobs/d", "blob", {"name": "blobs/uploads", "digest": "d"}),
        ("/v2/a/blobs/uploads/blobs/uploads/id", "blob_upload", {"name": "a/blobs/uploads", "upload": "id"}),
        ("/v2/manifests/manifests/manifests", "manifest", {"name": "manifests", "reference": "manifests"}),
        # Whatever stands in a parameter's place reaches its parser.
        ("/v2/a/manifests/.bad", "manifest", {"name": "a", "reference": ".bad"}),
        ("/v2/../etc/manifests/x", "manifest", {"name": "../etc", "reference": "x"}),
        ("/v2/a%2Fb/manifests/x%2Fy", "manifest", {"name": "a/b", "reference": "x/y"}),
        ("/v2/a%252Fb/manifests/x", "manifest", {"name": "a%2Fb", "reference": "x"}),
        ("/v2/a\n\0/manifests/x", "manifest", {"name": "a\n\0", "reference": "x"}),
    ],
)
def test_a_path_is_read_from_its_right_end(path: str, label: str, parameters: dict[str, str]) -> None:
    match = ROUTER.match("GET", path)

    assert (match.route.label, match.parameters) == (label, parameters)


@pytest.mark.parametrize("path", ["/v2/a/blobs/uploads/", "/v2/a/blobs/uploads"])
def test_uploads_begin_with_and_without_a_slash_at_the_end(path: str) -> None:
    assert ROUTER.match("POST", path).route.label == "blob_upload"


@pytest.mark.parametrize(
    "path",
    ["", "*", "/", "/v1/", "/v2//manifests/x", "/v2/manifests/x", "/v2/a/manifests/", "/v2/a/tags", "/v2/a/tags/other",
     "/v2/a/blobs/", "//v2/a/tags/list", "/V2/", "/v2/_catalog/", "/v2/a/manifests/x/"],
)  # fmt: skip
def test_other_paths_name_nothing(path: str) -> None:
    with pytest.raises(RouteUnknown):
        ROUTER.match("GET", path)


def test_a_method_that_a_resource_does_not_take_is_answered_with_those_it_takes() -> None:
    with pytest.raises(MethodNotAllowed) as raised:
        ROUTER.match("POST", "/v2/a/manifests/x")

    assert raised.value.headers == {"Allow": "DELETE, GET, HEAD, PUT"}


def test_the_collection_of_uploads_is_no_blob() -> None:
    with pytest.raises(MethodNotAllowed):
        ROUTER.match("GET", "/v2/a/blobs/uploads")


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.sampled_from(["GET", "POST", "PATCH", "X"]))
def test_any_path_finds_one_route_or_is_refused(segments: list[str], method: str) -> None:
    path = "/v2/" + "/".join(segments)
    try:
        match = ROUTER.match(method, path)
    except (RouteUnknown, MethodNotAllowed):
        return
    assert match.route.path.format(**match.parameters) == path


def test_a_route_without_a_permission_does_not_start() -> None:
    routes = RouteTable("open")
    routes.get("/v2/{name}/open", permission=cast("Permission", None))(answer)

    with pytest.raises(RouteInvalid, match="declares no permission"):
        Router([routes])


@pytest.mark.parametrize(("path", "permission"), [("/v2/all", Permission.PULL), ("/v2/{name}/one", Permission.PUBLIC)])
def test_a_permission_that_cannot_be_asked_for_on_the_path_does_not_start(path: str, permission: Permission) -> None:
    routes = RouteTable("unguarded")
    routes.get(path, permission=permission)(answer)

    with pytest.raises(RouteInvalid, match="do not go together"):
        Router([routes])


def test_two_handlers_for_one_method_of_one_path_do_not_start() -> None:
    routes = RouteTable("twice")
    routes.get("/twice", permission=Permission.PUBLIC)(answer)
    routes.get("/twice", permission=Permission.PUBLIC)(answer)

    with pytest.raises(RouteInvalid, match="two handlers"):
        Router([routes])


def test_head_is_answered_by_the_handler_of_get_unless_it_has_its_own() -> None:
    get, head = ROUTER.match("GET", "/v2/a/manifests/x"), ROUTER.match("HEAD", "/v2/a/manifests/x")
    assert head.route.handler is get.route.handler

    get, head = ROUTER.match("GET", "/v2/a/blobs/x"), ROUTER.match("HEAD", "/v2/a/blobs/x")
    assert head.route.handler is not get.route.handler
