"""Ports for the servers of a test run."""

import os

from benchmarks import ports


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, nor is about to.

    Other processes of the run choose at the same time, and a server takes a second to listen.
    """
    shares = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # Who takes the place of a process that died has a higher number.
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % shares
    return ports.free_port(share, shares)
