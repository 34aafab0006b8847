"""The whole harness against a real server, with next to nothing to do."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.access import measure_access
from benchmarks.ceilings import RESPONDER, measure_ceilings
from benchmarks.content import KIB, MIB, Corpus
from benchmarks.curve import measure_curve
from benchmarks.filling import repository_name, tag_name
from benchmarks.generator import Generator
from benchmarks.grants import measure_grants
from benchmarks.measure import Work
from benchmarks.options import Options
from benchmarks.rounds import run_rounds
from benchmarks.servers import MOORAGE, WITH_ACCOUNTS, Moorage, Server
from benchmarks.workloads.requests import Downloads, FreshConnections, Requests, TagLists, blob_heads, manifest_requests
from benchmarks.workloads.starts import measure_starts
from benchmarks.workloads.uploads import CHUNKED, LENGTH, Uploads
from benchmarks.workloads.workload import Kit, Unit, Workload

pytestmark = [pytest.mark.tool("go"), pytest.mark.timeout(600)]


BRIEF = Options(quick=True, rounds=1, seconds=0.05, peers=(), only="", copying=False)


@pytest.fixture(scope="module")
def kit(generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return Kit(generator, Corpus(), BRIEF, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module", params=["http", "https"])
def server(request: pytest.FixtureRequest, kit: Kit) -> Iterator[Server]:
    tls = kit.generator.certificate(kit.scratch) if request.param == "https" else None
    with Moorage().running(kit.scratch / request.param, tls) as running:
        yield running


def test_what_is_pulled_is_pulled_whole(kit: Kit, server: Server) -> None:
    kit.corpus.push(server, [KIB, MIB])
    workloads = [
        Requests(kit, "manifest GET", manifest_requests(kit, "GET", "tag"), 2),
        Requests(kit, "manifest HEAD", manifest_requests(kit, "HEAD", "digest"), 2),
        Requests(kit, "blob HEAD", blob_heads(kit), 2),
        FreshConnections(kit, "connections", blob_heads(kit), 2),
        Downloads(kit, "blob GET", KIB, 2),
        Downloads(kit, "blob GET", MIB, 2),
    ]

    results = {workload.name: run_rounds(workload, [server], 2) for workload in workloads}

    assert [result.failures for result in results.values()] == [{}] * len(workloads)
    for result in results.values():
        figures = result.figures(MOORAGE)
        assert figures.value is not None
        assert figures.value > 0
        assert figures.pss is not None
        assert figures.rss is not None
        assert 10 * MIB < figures.pss < figures.rss
    for sample in results["blob GET 1 MiB, c=2"].samples[MOORAGE]:
        assert sample.work.size == sample.work.operations * MIB


def test_a_list_of_several_pages_counts_once(kit: Kit, server: Server) -> None:
    lists = TagLists(kit, 1_001, 2)
    lists.prepare(server)

    work = lists.run(server)

    # A page holds a thousand names at most, and the answers are little more than names.
    assert work.operations > 0
    assert work.size >= work.operations * 1_001 * len("tag-1")
    assert work.client_s is not None


@pytest.mark.parametrize("size", [64, 65, 32 * KIB + 64, 100_000, MIB, 8 * MIB + 1, 17 * MIB])
@pytest.mark.parametrize("encoding", [LENGTH, CHUNKED])
def test_uploads_are_new_whole_and_given_back(kit: Kit, server: Server, size: int, encoding: str) -> None:
    uploads = Uploads(kit, size, encoding, 2)

    # The server compares every digest.
    work = uploads.run(server)
    uploads.tidy(server)

    assert work.size == work.operations * size
    assert server.uploaded is not None
    assert not [path for path in server.uploaded.rglob("*") if path.is_file()]


def test_a_server_that_cannot_be_cleaned_is_not_filled(kit: Kit, server: Server) -> None:
    foreign = replace(server, name="foreign", uploaded=None)
    three = Kit(kit.generator, kit.corpus, replace(BRIEF, rounds=3), kit.scratch)

    result = run_rounds(Uploads(three, 100 * MIB, LENGTH, 64), [foreign], 3)

    assert result.samples == {}
    assert result.failures == {"foreign": "19 GiB would stay on its disk"}


def test_the_disk_is_tried_before_each_round_of_uploads(kit: Kit, server: Server) -> None:
    result = run_rounds(Uploads(kit, MIB, LENGTH, 2), [server], 2)

    assert result.failures == {}
    disks = [sample.disk or 0 for sample in result.samples[MOORAGE]]
    assert len(disks) == 2
    assert min(disks) > 0


def test_the_client_alone_goes_through_the_same_work(kit: Kit) -> None:
    only = Kit(kit.generator, kit.corpus, replace(BRIEF, only="1 MiB"), kit.scratch)

    results = measure_ceilings(only)

    assert [result.name for result in results] == ["blob GET 1 MiB, c=8", "blob upload 1 MiB, Content-Length, c=8"]
    for result in results:
        assert result.failures == {}
        [sample] = result.samples[RESPONDER]
        assert sample.work.size == sample.work.operations * MIB
        assert sample.work.client_s is not None


def test_every_other_round_goes_backwards(kit: Kit) -> None:
    seen = []

    class Watching(Workload):
        name, unit = "watching", Unit.REQUESTS

        def run(self, server: Server) -> Work:
            seen.append(server.name)
            return Work(1, 0, 1.0)

    run_rounds(Watching(), [Server("one", "", ()), Server("two", "", ())], 3)

    assert seen == ["one", "two", "two", "one", "one", "two"]


def test_starts_are_timed(kit: Kit) -> None:
    first, again, idle = measure_starts([Moorage()], kit.scratch, 1)

    for result in (first, again):
        started = result.figures(MOORAGE).value
        assert started is not None
        assert 0 < started < 60
    resting = idle.figures(MOORAGE).value
    assert resting is not None
    assert resting > 10


def test_the_curve_is_measured_in_filled_databases(kit: Kit) -> None:
    points = measure_curve(kit.generator, kit.scratch, (140,), rounds=1, seconds=0.02)

    assert [point.rows for point in points] == [140] * 9
    assert all(0 < point.median_s <= point.slow_s for point in points)
    # The last page ends with what the filling put there last.
    with Moorage().running(kit.scratch / "curve-140") as server:
        connection = server.connect()
        connection.request("GET", f"/v2/_catalog?n=2&last={repository_name(139)}")
        catalog = connection.getresponse().read()
        connection.request("GET", f"/v2/curve/tags/tags/list?n=1&last={tag_name(139)}")
        tags = connection.getresponse().read()
        connection.close()
    assert f'"{repository_name(140)}", "curve/tags"'.encode() in catalog
    assert f'"{tag_name(140)}"'.encode() in tags


def test_accounts_are_measured_beside_the_same_content_without(kit: Kit) -> None:
    compared, issued = measure_access(kit)

    assert compared.failures == issued.failures == {}
    assert compared.samples.keys() == {WITH_ACCOUNTS, MOORAGE}
    assert issued.samples.keys() == {WITH_ACCOUNTS}
    for result in (compared, issued):
        for server in result.samples:
            figure = result.figures(server).value
            assert figure is not None
            assert figure > 0


def test_the_cost_of_checks_is_measured_by_the_number_of_grants(kit: Kit) -> None:
    points = measure_grants(kit.generator, kit.scratch, (10, 20), rounds=1)

    assert [(point.rows, point.median_s > 0) for point in points] == [(10, True), (20, True)] * 2
    # What the filling put there is what the registry takes for grants.
    data = kit.scratch / "grants-20" / "data"
    command: list[str | Path] = [
        Path(sys.executable).with_name("registry"),
        "grant",
        "list",
        "reader",
        "--data",
        data,
        "--json",
    ]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert listed.count(repository_name(20)) == 1
    assert listed.count('"reader"') >= 21
