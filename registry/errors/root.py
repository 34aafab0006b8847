"""What all errors of the registry are."""

from __future__ import annotations

from collections.abc import Mapping

RETRY_AFTER_S = 5


class RegistryError(Exception):
    """What the registry refuses or cannot do; `message` is the sentence for the client."""

    message = "the registry could not do this"

    @property
    def detail(self) -> object | None:
        """The specification's free-form `detail`, or None."""
        return None

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers that the answer carries beside the body."""
        return {}

    def __str__(self) -> str:
        return self.message
