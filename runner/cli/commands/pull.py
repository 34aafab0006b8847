"""runner pull: an image from a registry."""

from __future__ import annotations

from oci_spec.image_name import DEFAULT_TAG, ImageName
from registry_client.errors import RegistryClientError
from runner.cli import bars, transfers
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.images import pulling
from runner.images.errors import NoEndpoint
from runner.images.progress import Watcher
from runner.images.pulling import Pull, Pulled
from runner.registries import configuration, endpoints
from runner.store.folders import Store


def run(arguments: Arguments, places: Places) -> int:
    """Pull the image, or all tags of a repository; the status to end with."""
    watcher = bars.watcher(quiet=arguments.flag("quiet"))
    wanted = Pull(Store(places.root), transfers.connect, watcher, transfers.platform(arguments))
    verify = transfers.tls_verify(arguments)
    if arguments.flag("all-tags"):
        transfers.run(_pull_all(wanted, arguments.words[0], verify))
    else:
        if not ImageName.parse(arguments.words[0]).is_tagged:
            watcher.said(f"Using default tag: {DEFAULT_TAG}")
        print(transfers.run(pull_and_tell(wanted, arguments.words[0], verify)).name)
    return 0


async def pull_and_tell(wanted: Pull, text: str, tls_verify: bool | None) -> Pulled:
    """Pull what `text` means, and tell who watches what came of it.

    Raises:
        RegistryClientError, ImageError, OciSpecError: it cannot be had.
    """
    pulled = await pull_named(wanted, text, tls_verify)
    _tell(pulled, wanted.watcher)
    return pulled


async def pull_named(wanted: Pull, text: str, tls_verify: bool | None = None) -> Pulled:
    """Pull what `text` means on this machine: where several registries are searched, from the first that has it.

    Raises:
        RegistryClientError, ImageError, OciSpecError: it cannot be had.
    """
    registries = configuration.read()
    meant = endpoints.candidates(text, registries)
    failures: list[str] = []
    for name in meant:
        whole = name.tagged()
        places = endpoints.to_pull(whole, registries, tls_verify=tls_verify)
        wanted.watcher.said(f"{whole.tag or whole.digest}: Pulling from {_shown(whole)}")
        try:
            return await pulling.pull(wanted, whole, places)
        except (RegistryClientError, NoEndpoint) as error:
            if len(meant) == 1:
                raise
            failures.append(f"{name}: {error}")
    raise NoEndpoint(text, failures)


async def _pull_all(wanted: Pull, text: str, tls_verify: bool | None) -> None:
    name = ImageName.parse(text)
    if name.is_tagged:
        raise Failed("tag can't be used with --all-tags/-a")
    registries = configuration.read()
    places = endpoints.to_pull(name, registries, tls_verify=tls_verify)
    for tag in await pulling.tags_of(wanted, places[-1]):
        wanted.watcher.said(f"{tag}: Pulling from {_shown(name)}")
        pulled = await pulling.pull(wanted, name.with_tag(tag), places)
        _tell(pulled, wanted.watcher)
        print(pulled.name)


def _shown(name: ImageName) -> str:
    """The repository as docker shows it here: of Docker Hub with its namespace, of others without the registry."""
    return str(name.repository)


def _tell(pulled: Pulled, watcher: Watcher) -> None:
    watcher.said(f"Digest: {pulled.digest}")
    state = "Downloaded newer image for" if pulled.is_new else "Image is up to date for"
    watcher.said(f"Status: {state} {pulled.name.familiar()}")
