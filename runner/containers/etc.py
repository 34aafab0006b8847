"""The files of /etc that a container gets from outside of its image."""

from __future__ import annotations

import os

from runner import text_files
from runner.containers.settings import HOST
from runner.network import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Place
    from runner.containers.records import Container
    from runner.containers.settings import Network

_HOST_HOSTS = "/etc/hosts"
_LOOPBACK = "127.0.0.1"


def write(place: Place, container: Container, hostname: str) -> None:
    """Write hostname, hosts and resolv.conf, as far as they are known before the container is connected."""
    network = container.settings.network
    for path, text in (
        (place.hostname, files.hostname_file(hostname)),
        (place.hosts, _hosts(network, hostname, (), _LOOPBACK)),
        (place.resolv_conf, _resolv_conf(network)),
    ):
        text_files.write(path, text, 0o644)
        # Whoever runs in the container reads them.
        os.chmod(path, 0o644)


def write_addresses(place: Place, container: Container, addresses: tuple[str, ...], gateway: str) -> None:
    """Add to its hosts what is known once it is connected. The container has the file mounted: it is not replaced."""
    hostname = _read(place.hostname).strip()
    text_files.write(place.hosts, _hosts(container.settings.network, hostname, addresses, gateway), 0o644)


def _hosts(network: Network, hostname: str, addresses: tuple[str, ...], gateway: str) -> str:
    added = tuple(files.parse_added_host(text, gateway) for text in network.added_hosts)
    if network.mode == HOST:
        return _read(_HOST_HOSTS) + "".join(f"{address}\t{name}\n" for name, address in added)
    return files.hosts(hostname, addresses, added)


def _resolv_conf(network: Network) -> str:
    text = _read(files.HOST_FILE)
    if network.mode == HOST and not (network.dns_servers or network.dns_search or network.dns_options):
        return text
    wanted = files.Resolution(network.dns_servers, network.dns_search, network.dns_options)
    return files.resolv_conf(_read(files.host_resolution_file(text)), wanted)


def _read(path: str) -> str:
    try:
        return text_files.read(path)
    except FileNotFoundError:
        return ""
