import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runner.netlink.connection import Connection
from runner.netlink.namespaces import connect
from tests.requirements import require_root
from tests.runner.namespaces import network_namespace

# In a process of its own: it runs threads and an event loop, of which none may stand in another namespace.
ORACLE = """
import ctypes, json, sys, pyroute2
assert ctypes.CDLL(None).setns(int(sys.argv[1]), 0x40000000) == 0
with pyroute2.IPRoute() as route:
    for question in sys.argv[2:]:
        method, _, arguments = question.partition(" ")
        answers = list(getattr(route, method)(**json.loads(arguments or "{}")))
        print(json.dumps([answer.dump() if hasattr(answer, "dump") else answer for answer in answers], default=str))
"""
Oracle = Callable[..., list[Any]]


@pytest.fixture
def namespace() -> Iterator[int]:
    require_root()
    with network_namespace() as descriptor:
        yield descriptor


@pytest.fixture
def other_namespace() -> Iterator[int]:
    with network_namespace() as descriptor:
        yield descriptor


@pytest.fixture
def connection(namespace: int) -> Iterator[Connection]:
    with connect(namespace) as connection:
        yield connection


@pytest.fixture
def oracle() -> Oracle:
    """What pyroute2 sees in a namespace: asked with the name of a method and its arguments, it gives messages."""

    def ask(namespace: int, method: str, **arguments: object) -> list[Any]:
        command = [sys.executable, "-c", ORACLE, str(namespace), f"{method} {json.dumps(arguments)}"]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, pass_fds=[namespace])
        return list(json.loads(ran.stdout))

    return ask
