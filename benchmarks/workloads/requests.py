"""Small requests and downloads: the same few requests over and over, on connections that stay open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.content import (
    KIB,
    OCI_MANIFEST,
    REPOSITORY,
    Image,
    digest,
    list_targets,
    push_blob,
    push_manifest,
)
from benchmarks.generator import Request, RequestPlan
from benchmarks.measure import Work
from benchmarks.servers import Server
from benchmarks.workloads.workload import Kit, Unit, Workload, size_name

_WARM_UP_S = 0.1
_TAGGED = "bench/tags"
_PUSHING = 16

ACCEPT = {"Accept": OCI_MANIFEST}


class Requests(Workload):
    """Requests by some connections at once; small ones are counted, those with large bodies weighed."""

    unit = Unit.REQUESTS

    def __init__(self, kit: Kit, name: str, requests: list[Request], connections: int) -> None:
        self.name = f"{name}, c={connections}"
        self._kit = kit
        self._plan = RequestPlan(connections=connections, requests=tuple(requests), seconds=kit.options.seconds)

    def prepare(self, server: Server) -> None:
        self._send(server, replace(self._plan, seconds=_WARM_UP_S))

    def run(self, server: Server) -> Work:
        return self._send(server, self._plan)

    def _send(self, server: Server, plan: RequestPlan) -> Work:
        return self._kit.generator.ask(server.address, server.authority, plan)


class Downloads(Requests):
    """Blobs of one size, pulled by some connections at once."""

    def __init__(self, kit: Kit, name: str, size: int, connections: int) -> None:
        super().__init__(kit, f"{name} {size_name(size)}", [], connections)
        self._size = size
        if size > KIB:
            self.unit = Unit.BYTES
            # One thread would be the limit of what it can throw away.
            self._plan = replace(self._plan, threads=2, copy=kit.options.copying)

    def prepare(self, server: Server) -> None:
        # Not before: large blobs take seconds to be made.
        blobs = self._kit.corpus.blobs(self._size)
        requests = tuple(Request("GET", f"/v2/{REPOSITORY}/blobs/{digest(blob)}") for blob in blobs)
        self._plan = replace(self._plan, requests=requests)
        super().prepare(server)


class FreshConnections(Requests):
    """Requests that each have a connection of their own: with TLS, a handshake each."""

    def __init__(self, kit: Kit, name: str, requests: list[Request], connections: int) -> None:
        super().__init__(kit, name, requests, connections)
        self._plan = replace(self._plan, fresh=True)


class TagLists(Workload):
    """All tags of a repository, page after page as the server gives them: a list is done with its last page."""

    unit = Unit.REQUESTS

    def __init__(self, kit: Kit, tags: int, connections: int) -> None:
        self.name = f"tag list of {tags:,} tags, c={connections}"
        self._kit = kit
        self._tags = tags
        self._connections = connections
        self._pages: dict[str, list[str]] = {}

    def prepare(self, server: Server) -> None:
        target = f"/v2/{_TAGGED}-{self._tags}/tags/list?n={self._tags}"
        if self._is_missing(server, target):
            self._push_tags(server, self._kit.corpus.images[0])
        self._pages[server.name] = list_targets(server, target)

    def run(self, server: Server) -> Work:
        pages = self._pages[server.name]
        done = self._send(
            server, [Request("GET", page) for page in pages], self._kit.options.seconds, self._connections
        )
        # A median of pages would say nothing about lists.
        return replace(done, operations=done.operations // len(pages), median_s=None, slow_s=None)

    def _is_missing(self, server: Server, target: str) -> bool:
        connection = server.connect()
        try:
            connection.request("GET", target)
            return connection.getresponse().status == 404
        finally:
            connection.close()

    def _push_tags(self, server: Server, image: Image) -> None:
        repository = f"{_TAGGED}-{self._tags}"
        connection = server.connect()
        try:
            for blob in image.blobs:
                push_blob(connection, repository, blob)
            push_manifest(connection, repository, "tag-0", image.manifest)
        finally:
            connection.close()
        puts = [
            Request("PUT", f"/v2/{repository}/manifests/tag-{number}", {"Content-Type": OCI_MANIFEST}, body)
            for body in (image.manifest.decode(),)
            for number in range(1, self._tags)
        ]
        self._send(server, puts, 0, _PUSHING)

    def _send(self, server: Server, requests: list[Request], seconds: float, connections: int) -> Work:
        plan = RequestPlan(connections=connections, requests=tuple(requests), seconds=seconds)
        return self._kit.generator.ask(server.address, server.authority, plan)


def manifest_requests(kit: Kit, method: str, reference: str) -> list[Request]:
    """Requests for the manifests of all images, by `tag` or by `digest`."""
    names = [image.tag if reference == "tag" else image.digest for image in kit.corpus.images]
    return [Request(method, f"/v2/{REPOSITORY}/manifests/{name}", ACCEPT) for name in names]


def found_anew(requests: Sequence[Request]) -> list[Request]:
    """The same requests, each with an id of its client's: Moorage gives no answer of a moment ago to such."""
    return [replace(request, headers={**request.headers, "X-Request-ID": "bench"}) for request in requests]


def blob_heads(kit: Kit) -> list[Request]:
    """Requests that ask whether blobs are there."""
    return [Request("HEAD", f"/v2/{REPOSITORY}/blobs/{digest(blob)}") for blob in kit.corpus.blobs(KIB)]
