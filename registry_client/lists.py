"""Lists that go on over pages: tags and repositories (distribution-spec, "Listing Tags"; distribution's catalog)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

from oci_spec.errors import RepositoryNameInvalid, TagInvalid
from oci_spec.reference import RepositoryName, Tag
from registry_client import limits
from registry_client.errors import AnswerInvalid, RepositoryNotFound
from registry_client.json_answers import read_object, read_texts
from registry_client.links import next_page
from registry_client.origin import shown
from registry_client.scopes import CATALOG, to_pull
from registry_client.transport import Answer, Request, Transport


async def tags(transport: Transport, repository: RepositoryName) -> AsyncGenerator[Tag]:
    """All tags of a repository, in the registry's order.

    Raises:
        RepositoryNotFound: there is no such repository.
        AnswerInvalid: the list does not end, or what is listed is no tag.
    """
    url = transport.origin.url(f"/v2/{repository}/tags/list", f"n={limits.PAGE_ENTRIES}")
    request = Request("GET", url, to_pull(repository), not_found=RepositoryNotFound)
    async for page in pages(transport, request):
        for text in read_texts(read_object(page.body), "tags"):
            try:
                yield Tag.parse(text)
            except TagInvalid as error:
                raise AnswerInvalid(str(error)) from error


async def repositories(transport: Transport) -> AsyncGenerator[RepositoryName]:
    """All repositories that the registry lists for who asks.

    Raises:
        Refused: the registry has no such list, or not for who asks.
        AnswerInvalid: the list does not end, or what is listed is no repository.
    """
    request = Request("GET", transport.origin.url("/v2/_catalog", f"n={limits.PAGE_ENTRIES}"), CATALOG)
    async for page in pages(transport, request):
        for text in read_texts(read_object(page.body), "repositories"):
            try:
                yield RepositoryName.parse(text)
            except RepositoryNameInvalid as error:
                raise AnswerInvalid(str(error)) from error


async def pages(transport: Transport, request: Request) -> AsyncGenerator[Answer]:
    """The answer to `request`, and all those that `Link` leads to from there, within the registry.

    Raises:
        AnswerInvalid: the list leads back to a page, or is longer than any is.
        RedirectRefused: the list leads to another place.
    """
    seen = {request.url}
    while True:
        page = await transport.fetch(request, {200}, limit=limits.MANIFEST_BYTES)
        yield page
        following = next_page(page.headers, request.url)
        if following is None:
            return
        if following in seen or len(seen) >= limits.PAGES:
            raise AnswerInvalid(f"the list at {shown(request.url)} does not end")
        seen.add(following)
        request = replace(request, url=following)
