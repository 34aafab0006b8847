"""What the user says and what the image says, made one: the settings that a container has."""

from __future__ import annotations

from runner.bundles.errors import CommandMissing, ImageUnusable
from runner.bundles.paths import clean
from runner.containers.settings import VOLUME, Mount
from runner.network import publications
from runner.network.errors import PublicationInvalid
from runner.network.publications import Publication

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.bundles.image_defaults import ImageDefaults
    from runner.containers.settings import Network, Settings

_MOST_PORTS = 1000
"""Most ports that an image may expose: each may become a published one."""

_KERNELS = ("/proc/", "/sys/")
"""Where the kernel shows itself, and what the runtime does there must not reach an image's files (CVE-2023-27561)."""


def merge(settings: Settings, image: ImageDefaults) -> Settings:
    """The settings with what the image says where the user says nothing.

    Raises:
        CommandMissing: nobody names a program.
        ImageUnusable: the image says something that cannot be.
    """
    entrypoint, command = _program(settings, image)
    if not entrypoint and not command:
        raise CommandMissing(settings.image)
    return settings._replace(
        entrypoint=entrypoint,
        command=command,
        environment=join_variables(image.environment, settings.environment),
        user=settings.user or image.user,
        working_directory=settings.working_directory or _working_directory(image),
        labels={**image.labels, **settings.labels},
        mounts=(*settings.mounts, *_volumes(settings, image)),
        network=_network(settings.network, image),
        stop_signal=settings.stop_signal or _stop_signal(image),
    )


def join_variables(first: Iterable[str], then: Iterable[str]) -> tuple[str, ...]:
    """Variables of two lists, the later ones of the same name winning; a name alone takes one away."""
    joined: dict[str, str] = {}
    for text in (*first, *then):
        name, equals, _ = text.partition("=")
        if equals:
            joined[name] = text
        else:
            joined.pop(name, None)
    return tuple(joined.values())


def _program(settings: Settings, image: ImageDefaults) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Entrypoint and command. Who replaces the entrypoint does not mean the command that was made for the old one."""
    if settings.entrypoint is not None:
        return settings.entrypoint, settings.command or ()
    return image.entrypoint, settings.command or image.command


def _working_directory(image: ImageDefaults) -> str:
    return clean(image.working_directory or "/")


def _volumes(settings: Settings, image: ImageDefaults) -> list[Mount]:
    taken = {mount.destination for mount in settings.mounts}
    found = []
    for path in image.volumes:
        if not path.startswith("/") or clean(path) == "/" or f"{clean(path)}/".startswith(_KERNELS):
            raise ImageUnusable(f"{path[:80]!r} is no place for a volume")
        if clean(path) not in taken:
            taken.add(clean(path))
            found.append(Mount(VOLUME, clean(path)))
    return found


def _network(network: Network, image: ImageDefaults) -> Network:
    exposed = dict.fromkeys(network.exposed_ports)
    for text in image.exposed_ports:
        try:
            exposed.update(dict.fromkeys(publications.parse_exposed(text)))
        except PublicationInvalid as error:
            raise ImageUnusable(str(error)) from error
        if len(exposed) > _MOST_PORTS:
            raise ImageUnusable(f"more than {_MOST_PORTS} ports are exposed")
    published = {f"{each.port}/{each.protocol}": None for each in network.publications}
    chosen = [_anywhere(port) for port in exposed if port not in published] if network.publish_all else []
    return network._replace(
        publications=(*network.publications, *(each for each in chosen if each is not None)),
        exposed_ports=tuple({**exposed, **published}),
    )


def _anywhere(port: str) -> Publication | None:
    """The publication of an exposed port at any of the host's; None where its protocol cannot be published."""
    number, _, protocol = port.partition("/")
    return Publication(int(number), first=0, last=0, protocol=protocol) if protocol in {"tcp", "udp"} else None


def _stop_signal(image: ImageDefaults) -> str | None:
    if image.stop_signal is None:
        return None
    # Only here: few images say one, and it loads much.
    from runner.oci import signals
    from runner.oci.errors import UsageInvalid

    try:
        signals.parse(image.stop_signal)
    except UsageInvalid as error:
        raise ImageUnusable(str(error)) from error
    return image.stop_signal
