"""Where an image can be had: the registry of its name, mirrors before it, and how far each has to be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from oci_spec.image_name import DEFAULT_DOMAIN, ImageName, has_domain
from oci_spec.reference import RepositoryName
from runner.registries.configuration import Mirror, Registries, Registry
from runner.registries.errors import RegistryBlocked

_HUB = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A repository at a host (and port).

    One that is `insecure` may have a certificate that nobody vouches for, or speak plain HTTP.
    """

    host: str
    repository: RepositoryName
    insecure: bool = False

    @property
    def address(self) -> str:
        """Where connections are made to: Docker Hub's registry has another name than its images."""
        return _HUB if self.host == DEFAULT_DOMAIN else self.host

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


def candidates(text: str, registries: Registries) -> tuple[ImageName, ...]:
    """What a name may mean: itself, or, without a registry in it, an image of each registry that is searched.

    Raises:
        ImageNameInvalid: no image can be called so.
    """
    name = ImageName.parse(text)
    if has_domain(text) or not registries.search:
        return (name,)
    return tuple(ImageName.parse(f"{registry}/{text}") for registry in registries.search)


def to_pull(name: ImageName, registries: Registries, *, tls_verify: bool | None = None) -> tuple[Endpoint, ...]:
    """Where to ask for an image, in this order.

    `tls_verify` is what was said for this one pull, None if nothing was.

    Raises:
        RegistryBlocked: nowhere.
        ImageNameInvalid: the configuration makes no name of it.
    """
    registry = registries.of(name)
    if registry is None:
        return (_endpoint(name, name, insecure=False, tls_verify=tls_verify),)
    if registry.blocked:
        raise RegistryBlocked(str(name))
    mirrors = [
        _endpoint(name, _moved(name, registry, mirror.location), insecure=mirror.insecure, tls_verify=tls_verify)
        for mirror in registry.mirrors
        if _may_serve(mirror, name)
    ]
    return (*mirrors, _itself(name, registry, tls_verify))


def to_push(name: ImageName, registries: Registries, *, tls_verify: bool | None = None) -> Endpoint:
    """Where to send an image: never to a mirror.

    Raises:
        RegistryBlocked: nowhere.
        ImageNameInvalid: the configuration makes no name of it.
    """
    registry = registries.of(name)
    if registry is None:
        return _endpoint(name, name, insecure=False, tls_verify=tls_verify)
    if registry.blocked:
        raise RegistryBlocked(str(name))
    return _itself(name, registry, tls_verify)


def is_loopback(host: str) -> bool:
    """Whether a host (and port) can only be this machine, whose connections nobody can listen to."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _itself(name: ImageName, registry: Registry, tls_verify: bool | None) -> Endpoint:
    moved = _moved(name, registry, registry.location)
    return _endpoint(name, moved, insecure=registry.insecure, tls_verify=tls_verify)


def _endpoint(name: ImageName, moved: ImageName, *, insecure: bool, tls_verify: bool | None) -> Endpoint:
    # What was said of this pull is about the registry that was named, and not about its mirrors.
    if tls_verify is None or moved.domain != name.domain:
        return Endpoint(moved.domain, moved.repository, insecure or is_loopback(moved.domain))
    return Endpoint(moved.domain, moved.repository, not tls_verify)


def _moved(name: ImageName, registry: Registry, location: str) -> ImageName:
    """The image as it is called at a location that stands for the registry's prefix."""
    if not location or registry.prefix.startswith("*."):
        return name
    rest = f"{name.domain}/{name.repository}"[len(registry.prefix) :]
    return ImageName.parse(f"{location}{rest}")


def _may_serve(mirror: Mirror, name: ImageName) -> bool:
    if name.digest is not None:
        return mirror.pull_from != "tag-only"
    return mirror.pull_from != "digest-only"
