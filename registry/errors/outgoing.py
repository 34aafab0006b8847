"""What goes wrong when the registry asks another server."""

from __future__ import annotations

from registry.errors.availability import Unavailable


class OutgoingFailed(Unavailable):
    """Another server that the registry needs for this was not asked, or gave no usable answer.

    `cause` is for the log and for operators: it names the place without credentials or query.
    """

    message = "another server that this needs cannot be asked right now; try again"


class AddressRefused(OutgoingFailed):
    """The other server is where the registry does not connect to, as `egress.allow` is set."""

    message = "another server that this needs is at an address that the registry does not connect to"


class OutgoingUnreachable(OutgoingFailed):
    """No connection came about, it broke, or the answer took too long."""


class OutgoingAnswerInvalid(OutgoingFailed):
    """There was an answer, and it is too large, leads nowhere it may, or is not what it should be."""

    message = "another server that this needs gave an answer that cannot be used"
