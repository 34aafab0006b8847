"""Files of this program's own beside a SQLite file."""

from __future__ import annotations

import os
from pathlib import Path


def open_beside(database: str | Path, suffix: str, flags: int) -> int:
    """A descriptor of the file `<database><suffix>`, which is made if it is not there.

    Raises:
        OSError: it cannot be opened, or there is no database.
    """
    owner = Path(database).stat()
    descriptor = os.open(f"{database}{suffix}", flags | os.O_CREAT | os.O_CLOEXEC, owner.st_mode & 0o777)
    if os.geteuid() == 0:
        # Whoever owns the database must be able to open this too, though root's command was here first; SQLite
        # does the same for the files of its own.
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor
