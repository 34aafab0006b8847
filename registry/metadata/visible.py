"""Which repositories may be shown to somebody, as a value: the policy makes it, and statements are built of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """Everything; or what is public, and what belongs or was granted to an account; of these, what `within` fits.

    To an account belongs what is in the namespaces that it owns. Granted is what a pattern fits for which the account,
    or a team that it is in, has any role. `within` are patterns of names, in which `*` stands for any text.
    """

    everything: bool = False
    public: bool = False
    account_id: int | None = None
    within: tuple[str, ...] = ("*",)


EVERYTHING: Final = Visible(everything=True)
"""All repositories."""

NOTHING: Final = Visible()
"""None of them."""
