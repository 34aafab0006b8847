"""What it costs to check a permission when there are more and more grants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.access import TOKEN_MODE
from benchmarks.accounts import Account, bearer, make_account, token_target
from benchmarks.content import OCI_MANIFEST
from benchmarks.curve import Action, CurvePoint, Registry, make_registry, measure_points, new_numbers, push_template
from benchmarks.filling import TEMPLATE, repository_name
from benchmarks.generator import Generator, Request, RequestPlan
from benchmarks.measure import Work
from benchmarks.servers import WITH_ACCOUNTS, Moorage

_REPOSITORIES = 1_000

# One for each repository at least: a check that finds a grant by name reads more than one that finds none.
SIZES = (_REPOSITORIES, 10_000, 100_000)


def measure_grants(generator: Generator, scratch: Path, sizes: Sequence[int], *, rounds: int) -> list[CurvePoint]:
    """Measure registries in which one account has as many grants as each of `sizes` says, in turn.

    Each is for one repository by name, but one that is for all of their namespace. No repository is asked for twice: so
    each check is made anew.
    """
    template = scratch / "grants"
    image = push_template(template)
    account = make_account(template / "data", "curve/*")
    with ExitStack() as stack:
        registries = []
        for grants in sizes:
            directory = scratch / f"grants-{grants}"
            make_registry(directory, template, _REPOSITORIES, grants)
            server = stack.enter_context(Moorage(WITH_ACCOUNTS, [TOKEN_MODE]).running(directory))
            registries.append(Registry(server, grants, image))
        return measure_points(registries, _actions(generator, account), rounds)


def _actions(generator: Generator, account: Account) -> dict[str, Action]:
    def ask(request: Callable[[str], Request], registry: Registry, number: int) -> Work:
        requests = tuple(request(repository_name(each)) for each in new_numbers(_REPOSITORIES, number))
        return generator.ask(registry.server.address, None, RequestPlan(connections=1, requests=requests, seconds=0))

    pulling: Mapping[str, str] = {"Accept": OCI_MANIFEST, **bearer(account.secret)}
    return {
        "manifest HEAD, a check each": partial(
            ask, lambda name: Request("HEAD", f"/v2/{name}/manifests/{TEMPLATE}", pulling)
        ),
        "token issue, a check each": partial(ask, lambda name: Request("GET", token_target(name), account.basic)),
    }
