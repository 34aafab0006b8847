"""What accounts cost: Moorage in which everybody brings a token, beside Moorage in which nobody does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from benchmarks.accounts import make_account
from benchmarks.content import REPOSITORY
from benchmarks.results import Result
from benchmarks.rounds import run_rounds
from benchmarks.servers import WITH_ACCOUNTS, Moorage, Server
from benchmarks.workloads.access import TokenIssues, WithToken
from benchmarks.workloads.requests import Requests
from benchmarks.workloads.workload import Kit

TOKEN_MODE = "auth.mode=token"


def access_workloads(kit: Kit) -> list[Requests]:
    """What is measured by the options of `kit`."""
    connections = (8,) if kit.options.quick else (1, 8, 64)
    workloads = [*(WithToken(kit, each) for each in connections), *(TokenIssues(kit, each) for each in connections)]
    return [workload for workload in workloads if kit.options.wants(workload.name)]


def measure_access(kit: Kit) -> list[Result]:
    """Measure all that is wanted; tokens, with accounts alone."""
    results: list[Result] = []
    workloads = access_workloads(kit)
    if not workloads:
        return results
    with ExitStack() as stack:
        alone = stack.enter_context(Moorage().running(kit.scratch / "access-without"))
        kit.corpus.push(alone, ())
        secured = stack.enter_context(_with_accounts(kit))
        for workload in workloads:
            print(f"{workload.name} …", file=sys.stderr)
            servers = [secured, alone] if isinstance(workload, WithToken) else [secured]
            results.append(run_rounds(workload, servers, kit.options.rounds))
    return results


@contextmanager
def _with_accounts(kit: Kit) -> Iterator[Server]:
    """The same content, which was pushed before there were accounts, and one that may pull it."""
    directory = kit.scratch / "access-with"
    with Moorage().running(directory) as server:
        kit.corpus.push(server, ())
    with Moorage(WITH_ACCOUNTS, [TOKEN_MODE]).running(directory) as server:
        yield replace(server, account=make_account(directory / "data", REPOSITORY))
