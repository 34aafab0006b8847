"""What may be asked of other servers, and what comes back; whoever asks needs to know no HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from registry import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request to another server.

    `authorization` is for the origin of `url`, and is not sent to another one that the answer may lead to. What has a
    `body` is not redirected to another origin at all. `url` may hold no user and no password.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    authorization: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    answer_bytes: int = limits.OUTGOING_ANSWER_BYTES
    longest_s: float = limits.OUTGOING_S


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Egress(Protocol):
    """The one way out of the registry."""

    async def ask(self, question: Question) -> Answer:
        """The answer, redirects followed.

        Raises:
            AddressRefused: it would lead to an address that is not allowed.
            OutgoingUnreachable: there is no answer within the question's time.
            OutgoingAnswerInvalid: the answer is larger than the question allows, redirected in vain, or not HTTP.
        """
        ...
