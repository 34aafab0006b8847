"""Texts of others in messages of ours. Programs that must start within milliseconds import this module."""

_QUOTED_CHARACTERS = 80


def quoted(text: str) -> str:
    """`text` between quotation marks, escaped and cut so that it fits into a message of one line."""
    return repr(text) if len(text) <= _QUOTED_CHARACTERS else repr(text[:_QUOTED_CHARACTERS]) + "…"
