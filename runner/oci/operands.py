"""What stands on a command line beside the flags."""

from __future__ import annotations

from runner.oci.errors import UsageInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def one(operands: Sequence[str], what: str) -> str:
    """The only operand.

    Raises:
        UsageInvalid: there is none, or there are more.
    """
    if len(operands) != 1:
        raise UsageInvalid(f"expected {what}, and nothing else")
    return operands[0]


def one_and_optional(operands: Sequence[str], what: str, default: str) -> tuple[str, str]:
    """One operand that must be there, and one that may.

    Raises:
        UsageInvalid: there are less, or more.
    """
    if len(operands) not in {1, 2}:
        raise UsageInvalid(f"expected {what}")
    return operands[0], operands[1] if len(operands) > 1 else default


def none(operands: Sequence[str]) -> None:
    """No operand at all.

    Raises:
        UsageInvalid: there is one.
    """
    if operands:
        raise UsageInvalid(f"expected nothing, not {operands[0]!r}")
