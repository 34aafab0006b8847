"""What a request costs when the database holds more and more: the same requests to small and large registries."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.content import KIB, OCI_MANIFEST, Image, digest, make_image, push_blob, push_manifest
from benchmarks.filling import TAGGED, TEMPLATE, repository_name, tag_name
from benchmarks.generator import Generator, Request, RequestPlan, UploadPlan
from benchmarks.measure import Sample, Work, measured, median
from benchmarks.servers import Moorage, Server

SIZES = (1_000, 100_000, 1_000_000)

_LAYER = bytes(KIB)
_SPREAD = 64
# Together they are not more than the rows of the smallest registry.
_NEW, _MOST_ROUNDS = 125, 8
_PAGE = 100
_PUSHES = 100


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One kind of request with so many rows: the median of its times (seconds), and what 99 of 100 stay below.

    `cpu_s` is the server's CPU time for one, which is nearly the same on a busy machine; `others` is as in `Sample`.
    """

    name: str
    rows: int
    median_s: float
    slow_s: float
    cpu_s: float = 0.0
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry that holds `rows` of what grows."""

    server: Server
    rows: int
    image: Image


Action = Callable[[Registry, int], Work]
"""What is done with a registry in the round of this number."""


def measure_curve(
    generator: Generator, scratch: Path, sizes: Sequence[int], *, rounds: int, seconds: float
) -> list[CurvePoint]:
    """Measure registries with as many tags, and as many repositories, as each of `sizes` says, in turn.

    `seconds` is how long each kind of request is repeated in each of `rounds`.
    """
    template = scratch / "curve"
    image = push_template(template)
    with ExitStack() as stack:
        registries = []
        for rows in sizes:
            directory = scratch / f"curve-{rows}"
            make_registry(directory, template, rows)
            server = stack.enter_context(Moorage().running(directory))
            registries.append(Registry(server, rows, image))
        return measure_points(registries, _actions(generator, seconds), rounds)


def measure_points(registries: Sequence[Registry], actions: Mapping[str, Action], rounds: int) -> list[CurvePoint]:
    """Do each action with each registry, round after round, every other one backwards."""
    samples: dict[tuple[str, int], list[Sample]] = {}
    # The first round fills caches, as any registry's first minutes do.
    for number in range(rounds + 1):
        for name, action in actions.items():
            for registry in registries if number % 2 == 0 else reversed(registries):
                sample = measured(registry.server.roots, partial(action, registry, number))
                samples.setdefault((name, registry.rows), []).append(sample)
    return [_point(name, rows, done[1:]) for (name, rows), done in samples.items()]


@dataclass(frozen=True, slots=True)
class Growth:
    """One kind of request with the most rows, in proportion to the fewest: its median time and CPU time; 1 is flat."""

    time: float
    cpu: float


def growths(points: Sequence[CurvePoint]) -> dict[str, Growth]:
    """The growth of each kind of request."""
    growth = {}
    for name in dict.fromkeys(point.name for point in points):
        own = sorted((point for point in points if point.name == name), key=lambda point: point.rows)
        few, many = own[0], own[-1]
        growth[name] = Growth(many.median_s / few.median_s, many.cpu_s / few.cpu_s if few.cpu_s else 1.0)
    return growth


def push_template(directory: Path) -> Image:
    """A registry's data with one image, which the filling copies."""
    image = make_image(TEMPLATE, [_LAYER])
    with Moorage().running(directory) as server:
        connection = server.connect()
        for blob in image.blobs:
            push_blob(connection, TAGGED, blob)
        push_manifest(connection, TAGGED, TEMPLATE, image.manifest)
        connection.close()
    return image


def make_registry(directory: Path, template: Path, rows: int, grants: int = 0) -> None:
    """The data of `template` with so many copies of its image, and of the one grant in it."""
    shutil.copytree(template, directory)
    print(f"filling a database with {rows:,} tags and repositories, {grants:,} grants …", file=sys.stderr)
    database = directory / "data" / "registry.db"
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.filling", database, str(rows), str(grants)]
    subprocess.run(command, check=True)


def _actions(generator: Generator, seconds: float) -> dict[str, Action]:
    def again(targets: Callable[[Registry], Iterable[str]]) -> Action:
        def ask(registry: Registry, _round: int) -> Work:
            return generator.ask(registry.server.address, None, _plan("GET", targets(registry), seconds))

        return ask

    def once(target: Callable[[int], str]) -> Action:
        def ask(registry: Registry, number: int) -> Work:
            targets = map(target, new_numbers(registry.rows, number))
            return generator.ask(registry.server.address, None, _plan("HEAD", targets, 0))

        return ask

    def push_manifests(registry: Registry, _round: int) -> Work:
        # Each under a name of its own: pushing what is already there would change nothing.
        names = [f"/v2/{TAGGED}/manifests/pushed-{secrets.token_hex(8)}" for _ in range(_PUSHES)]
        body = registry.image.manifest.decode()
        requests = tuple(Request("PUT", name, {"Content-Type": OCI_MANIFEST}, body) for name in names)
        plan = RequestPlan(connections=1, requests=requests, seconds=0)
        return generator.ask(registry.server.address, None, plan)

    def push_blobs(registry: Registry, _round: int) -> Work:
        plan = UploadPlan(
            connections=1,
            repository=TAGGED,
            size=KIB,
            chunked=False,
            operations=_PUSHES,
            seconds=0,
            seed=secrets.token_hex(16),
        )
        return generator.upload(registry.server.address, None, plan)

    return {
        "tag list, first page": again(lambda _: [_tags("")]),
        "tag list, pages all over": again(lambda registry: map(_tags, map(tag_name, _spread(registry.rows)))),
        "catalog, first page": again(lambda _: [_catalog("")]),
        "catalog, pages all over": again(lambda registry: map(_catalog, map(repository_name, _spread(registry.rows)))),
        "manifest HEAD, many tags": once(lambda number: f"/v2/{TAGGED}/manifests/{tag_name(number)}"),
        "manifest HEAD, many repositories": once(lambda number: f"/v2/{repository_name(number)}/manifests/{TEMPLATE}"),
        "blob HEAD, many repositories": once(lambda number: f"/v2/{repository_name(number)}/blobs/{digest(_LAYER)}"),
        "manifest push, new tag": push_manifests,
        "blob push of 1 KiB": push_blobs,
    }


def _plan(method: str, targets: Iterable[str], seconds: float) -> RequestPlan:
    requests = tuple(Request(method, target, {"Accept": OCI_MANIFEST}) for target in targets)
    return RequestPlan(connections=1, requests=requests, seconds=seconds)


def _spread(rows: int) -> list[int]:
    """Some numbers from 1 to `rows`, evenly apart."""
    return [1 + number * rows // _SPREAD for number in range(_SPREAD)]


def new_numbers(rows: int, turn: int) -> list[int]:
    """Some numbers from 1 to `rows`, evenly apart, that no earlier turn had.

    A server remembers what it was asked, and would answer again without its database.
    """
    return [1 + (number * _MOST_ROUNDS + turn) * rows // (_NEW * _MOST_ROUNDS) for number in range(_NEW)]


def _tags(last: str) -> str:
    return f"/v2/{TAGGED}/tags/list?n={_PAGE}" + (f"&last={last}" if last else "")


def _catalog(last: str) -> str:
    return f"/v2/_catalog?n={_PAGE}" + (f"&last={last}" if last else "")


def _point(name: str, rows: int, done: Sequence[Sample]) -> CurvePoint:
    def middle(figure: Callable[[Sample], float | None]) -> float:
        return median([value for sample in done if (value := figure(sample)) is not None]) or 0.0

    return CurvePoint(
        name,
        rows,
        median_s=middle(lambda sample: sample.work.median_s),
        slow_s=middle(lambda sample: sample.work.slow_s),
        cpu_s=middle(lambda sample: None if sample.cpu_s is None else sample.cpu_s / sample.work.operations),
        others=middle(lambda sample: sample.others),
    )
