"""`contextlib.suppress`, but without what its module loads at the start of a container."""

from __future__ import annotations


class Suppressed:
    """Within it, errors of these kinds end the block, and are no matter."""

    __slots__ = ("_kinds",)

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> bool:
        return kind is not None and issubclass(kind, self._kinds)
