"""What the kernel remembers of flows of packets (linux/netfilter/nfnetlink_conntrack.h).

A flow is sent to where its first packet was sent. Of TCP each connection is a flow; of UDP everything from one port to
another is one for as long as it goes on, and would go to a container that is gone.
"""

from __future__ import annotations

import errno
from _socket import AF_INET, IPPROTO_UDP
from struct import Struct

from runner.netlink import messages
from runner.netlink.connection import Connection
from runner.netlink.errors import NetlinkRefused

_DELETE = (1 << 8) | 2
# struct nfgenmsg: family, version, and a number that only batches use
_STRUCTURE = Struct("=BBH")
_PORT = Struct(">H")
_TUPLE = 1
_TUPLE_PROTOCOL = 2
_PROTOCOL_NUMBER = 1
_PROTOCOL_DESTINATION = 3
_FILTER = 25
_FILTER_OF_TUPLE = 1
_BY_PROTOCOL = 1 << 3
_BY_DESTINATION_PORT = 1 << 5


def forget_udp(connection: Connection, port: int) -> None:
    """Have packets of UDP to a port judged as if they were the first.

    Kernels older than Linux 5.8, and those without CONFIG_NF_CT_NETLINK, forget a flow only when it has been still for
    some time.
    """
    protocol = messages.nested(
        _TUPLE_PROTOCOL,
        messages.u8(_PROTOCOL_NUMBER, IPPROTO_UDP),
        messages.attribute(_PROTOCOL_DESTINATION, _PORT.pack(port)),
    )
    wanted = messages.nested(_FILTER, messages.u32(_FILTER_OF_TUPLE, _BY_PROTOCOL | _BY_DESTINATION_PORT))
    body = _STRUCTURE.pack(AF_INET, 0, 0) + messages.nested(_TUPLE, protocol) + wanted
    try:
        connection.change(_DELETE, body, doing=f"forget flows to port {port}")
    except NetlinkRefused as refused:
        if refused.number not in {errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP}:
            raise
