"""The umask under which a container's files are made: its programs could not live with that of some who call."""

from __future__ import annotations

import os

_USUAL = 0o022


class UsualUmask:
    """Within it this process has the usual one."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = os.umask(_USUAL)

    def __exit__(self, *_: object) -> None:
        os.umask(self._before)
