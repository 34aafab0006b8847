"""Connecting a container that was made, and does not run yet."""

from __future__ import annotations

import os

from runner.containers.records import Port, Running
from runner.containers.settings import BRIDGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container
    from runner.network.networks import Attachment
    from runner.network.ports import HeldPort


def connect(folders: Folders, place: Place, container: Container, running: Running) -> tuple[Running, list[HeldPort]]:
    """Give it the network that it shall have; what runs with its addresses, and its ports, to be kept.

    Raises:
        RunnerError: it cannot have that.
    """
    network = container.settings.network
    if network.mode != BRIDGE:
        return running, []
    # Here, for whoever has no network of its own shall not pay for this.
    from runner.containers import etc
    from runner.network.networks import Networks, NetworkSettings

    namespace = os.open(f"/proc/{running.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        attachment = Networks(folders.network).attach(
            namespace, container.id, NetworkSettings(network.mode, publications=network.publications)
        )
    finally:
        os.close(namespace)
    if attachment.address is not None and attachment.gateway is not None:
        etc.write_addresses(place, container, (attachment.address,), attachment.gateway)
    return _connected(running, attachment), attachment.ports


def _connected(running: Running, attachment: Attachment) -> Running:
    return running._replace(
        address=attachment.address,
        prefix=attachment.prefix,
        gateway=attachment.gateway,
        mac=attachment.mac,
        link=attachment.link,
        ports=tuple(
            Port(
                each.publication.port,
                each.publication.protocol,
                each.publication.address,
                each.publication.first,
            )
            for each in attachment.ports
        ),
    )
