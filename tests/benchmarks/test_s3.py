"""The comparison on S3, with next to nothing to do."""

from pathlib import Path

import pytest

from benchmarks.content import MIB, Corpus
from benchmarks.generator import Generator
from benchmarks.options import Options
from benchmarks.rounds import run_rounds
from benchmarks.s3.candidates import DistributionOnS3, MoorageOnS3
from benchmarks.s3.counting import counting
from benchmarks.s3.store import running_store
from benchmarks.s3.workloads import Redirected, push_counted
from benchmarks.servers import MOORAGE
from benchmarks.toolchain import build_distribution
from benchmarks.workloads.workload import Kit

pytestmark = [pytest.mark.tool("go"), pytest.mark.timeout(600)]

# One part and another: less than 5 MiB at its end would be sent once more.
SIZE = 24 * MIB
BRIEF = Options(quick=True, rounds=1, seconds=0.05, peers=(), only="", copying=False)


def test_what_is_asked_of_s3_is_counted_and_a_redirect_followed(generator: Generator, tmp_path: Path) -> None:
    kit = Kit(generator, Corpus(), BRIEF, tmp_path)
    with running_store(tmp_path / "s3") as store, counting(store) as (endpoint, asked):
        with MoorageOnS3(store, redirect=True, endpoint=endpoint).running(tmp_path / "ours") as server:
            asked.clear()
            push_counted(kit, server, SIZE)
            ours = asked.copy()
            kit.corpus.push(server, [MIB])
            result = run_rounds(Redirected(kit, MIB), [server], 1)
        with DistributionOnS3(build_distribution(), store, redirect=False, endpoint=endpoint).running(
            tmp_path / "theirs"
        ) as server:
            asked.clear()
            push_counted(kit, server, SIZE)
            theirs = asked.copy()

    assert ours.sent < SIZE + 65_536
    assert ours.copied == 0
    assert theirs.sent >= SIZE
    assert theirs.copied >= SIZE
    assert result.failures == {}
    assert len(result.samples[MOORAGE]) == 1
