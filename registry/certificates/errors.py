"""Why certificates are not made.

CertificateError
├── AlreadyThere         the files exist, and nobody said that they may be replaced
├── NotThere             a file that is needed is missing
├── Unreadable           a file is not the certificate or key that it should be
└── AuthorityEnded       what the authority signs would not be valid
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path


class CertificateError(Exception):
    """The root of this package's errors; `str()` is a sentence for the operator."""


class AlreadyThere(CertificateError):
    """`files` exist; nothing was changed."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __str__(self) -> str:
        return f"nothing was changed, because there is already: {', '.join(map(str, self.files))}"


class NotThere(CertificateError):
    """`file` is needed and missing; `hint` says what to do."""

    def __init__(self, file: Path, hint: str) -> None:
        self.file, self.hint = file, hint

    def __str__(self) -> str:
        return f"{self.file} is not there; {self.hint}"


class Unreadable(CertificateError):
    """`file` does not hold what it should."""

    def __init__(self, file: Path, reason: str) -> None:
        self.file, self.reason = file, reason

    def __str__(self) -> str:
        return f"{self.file} cannot be used: {self.reason}"


class AuthorityEnded(CertificateError):
    """The authority in `file` is not valid any more since `ended_at`."""

    def __init__(self, file: Path, ended_at: datetime) -> None:
        self.file, self.ended_at = file, ended_at

    def __str__(self) -> str:
        return f"the authority in {self.file} ended on {self.ended_at:%Y-%m-%d}; move its files away to make a new one"
