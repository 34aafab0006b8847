"""What the firewall has, asked by netlink (linux/netfilter/nf_tables.h): a question takes a tenth of a millisecond."""

from __future__ import annotations

import errno
from struct import Struct

from runner.netlink import messages
from runner.netlink.connection import NETFILTER, Connection
from runner.netlink.errors import NetlinkAnswerInvalid, NetlinkRefused
from runner.network.errors import NetworkKernelLacks

INET = 1
IP = 2

_SUBSYSTEM = 10 << 8
_GET_TABLE = _SUBSYSTEM | 1
_GET_CHAIN = _SUBSYSTEM | 4
_GET_RULE = _SUBSYSTEM | 7
# struct nfgenmsg: family, version, and a number that only batches use
_STRUCTURE = Struct("=BBH")
_TABLE_NAME = 1
_TABLE_HANDLE = 4
_CHAIN_TABLE = 1
_CHAIN_NAME = 3
_CHAIN_POLICY = 5
_RULE_TABLE = 1
_RULE_CHAIN = 2
_RULE_HANDLE = 3
_RULE_COMMENTS = 7
_DROP = 0


def connect() -> Connection:
    """A connection to the firewall of the process's network namespace.

    Raises:
        NetworkKernelLacks: there is none.
    """
    try:
        return Connection(NETFILTER)
    except OSError as error:
        if error.errno in {errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT}:
            raise _lacking() from error
        raise


def handle_of(connection: Connection, family: int, table: str) -> int | None:
    """The number of a table, which none gets again while the namespace exists; None if there is no such table.

    Raises:
        NetworkKernelLacks: there are no tables.
    """
    body = _STRUCTURE.pack(family, 0, 0) + messages.text(_TABLE_NAME, table)
    answer = _find(connection, _GET_TABLE, body)
    if answer is None:
        return None
    return _number(answer, _TABLE_HANDLE)


def is_there(connection: Connection, family: int, table: str, chain: str) -> bool:
    """Whether there is a chain."""
    return _chain(connection, family, table, chain) is not None


def drops(connection: Connection, family: int, table: str, chain: str) -> bool:
    """Whether a chain lets nothing pass that none of its rules does."""
    answer = _chain(connection, family, table, chain)
    if answer is None:
        return False
    _, attributes = answer.parse(_STRUCTURE)
    policy = attributes.get(_CHAIN_POLICY)
    return policy is not None and int.from_bytes(policy, "big") == _DROP


def handles_of_rules(connection: Connection, family: int, where: tuple[str, str], comment: str) -> list[int]:
    """The numbers of the rules that bear a comment, of a table's chain; none where there is no such chain."""
    table, chain = where
    body = _STRUCTURE.pack(family, 0, 0) + messages.text(_RULE_TABLE, table) + messages.text(_RULE_CHAIN, chain)
    try:
        answers = connection.dump(_GET_RULE, body, doing="list the firewall's rules")
    except NetlinkRefused as refused:
        if refused.is_absence:
            return []
        raise
    wanted = comment.encode() + b"\0"
    return [
        _number(answer, _RULE_HANDLE)
        for answer in answers
        # nft writes comments as a kind, a length and a text of a byte-wise form of its own.
        if answer.parse(_STRUCTURE)[1].get(_RULE_COMMENTS, b"")[2:] == wanted
    ]


def _chain(connection: Connection, family: int, table: str, chain: str) -> messages.Answer | None:
    body = _STRUCTURE.pack(family, 0, 0) + messages.text(_CHAIN_TABLE, table) + messages.text(_CHAIN_NAME, chain)
    return _find(connection, _GET_CHAIN, body)


def _find(connection: Connection, kind: int, body: bytes) -> messages.Answer | None:
    try:
        return connection.find(kind, body, doing="ask for the firewall's rules")
    except NetlinkRefused as refused:
        # What a kernel answers to a subsystem that it cannot load.
        if refused.number in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise _lacking() from refused
        raise


def _number(answer: messages.Answer, attribute: int) -> int:
    _, attributes = answer.parse(_STRUCTURE)
    value = attributes.get(attribute, b"")
    if len(value) != 8:
        raise NetlinkAnswerInvalid(f"a handle of {len(value)} bytes")
    return int.from_bytes(value, "big")


def _lacking() -> NetworkKernelLacks:
    return NetworkKernelLacks("nf_tables", "CONFIG_NF_TABLES")
