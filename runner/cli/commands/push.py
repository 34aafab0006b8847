"""runner push: an image to a registry."""

from __future__ import annotations

from oci_spec.image_name import ImageName
from runner.cli import bars, transfers
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images.progress import Watcher
from runner.images.pushing import push
from runner.registries import configuration, endpoints
from runner.store import index
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Push the image, or all tags of a repository; the status to end with."""
    store, watcher = Store(places.root), bars.watcher(quiet=arguments.flag("quiet"))
    name = ImageName.parse(arguments.words[0])
    if name.digest is not None:
        raise Failed("cannot push a digest reference")
    names = [name.tagged()]
    if arguments.flag("all-tags"):
        if name.tag is not None:
            raise Failed("tag can't be used with --all-tags/-a")
        names = [tag for image in index.read(store).images() for tag in image.tags if _same_repository(tag, name)]
        if not names:
            raise Failed(f"Error: An image does not exist locally with the tag: {name.familiar()}")
    transfers.run(_push(store, watcher, names, transfers.tls_verify(arguments)))
    if arguments.flag("quiet"):
        print(names[0] if len(names) == 1 else name)
    return 0


async def _push(store: Store, watcher: Watcher, names: list[ImageName], tls_verify: bool | None) -> None:
    endpoint = endpoints.to_push(names[0], configuration.read(), tls_verify=tls_verify)
    watcher.said(f"The push refers to repository [{names[0].domain}/{names[0].repository}]")
    for name in names:
        if index.read(store).named(name) is None:
            raise Failed(f"Error: An image does not exist locally with the tag: {name.familiar_repository()}")
        pushed = await push(store, name, endpoint, connect=transfers.connect, watcher=watcher)
        watcher.said(f"{name.tag}: digest: {pushed.digest} size: {pushed.size}")


def _same_repository(tag: ImageName, name: ImageName) -> bool:
    return (tag.domain, tag.repository) == (name.domain, name.repository)
