"""The directories of a container's image, as overlayfs takes them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.containers.folders import Folders
    from runner.containers.records import Container


def directories(folders: Folders, container: Container) -> list[str]:
    """Those of all layers, the lowest first; pinned, so they are there as long as the container is."""
    return [f"{folders.root}/layers/{chain_id.partition(':')[2]}/diff" for chain_id in container.layers]
