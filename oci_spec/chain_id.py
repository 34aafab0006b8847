"""Chain IDs: what layers are together with all below them (image-spec, "Layer ChainID")."""

from __future__ import annotations

from collections.abc import Iterable

from oci_spec.digest import Digest


def chain_ids(diff_ids: Iterable[Digest]) -> tuple[Digest, ...]:
    """The chain ID of each layer, the lowest first: the digest of the chain below it and its own diff ID."""
    chain: list[Digest] = []
    for diff_id in diff_ids:
        chain.append(diff_id if not chain else Digest.of(f"{chain[-1]} {diff_id}".encode()))
    return tuple(chain)
