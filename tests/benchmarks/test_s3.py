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

BRIEF = Options(quick=True, rounds=1, seconds=0.05, peers=(), only="", copying=False)


def test_what_is_asked_of_s3_is_counted_and_a_redirect_followed(generator: Generator, tmp_path: Path) -> None:
    kit = Kit(generator, Corpus(), BRIEF, tmp_path)
    with running_store(tmp_path / "s3") as store, counting(store) as (endpoint, asked):
        with MoorageOnS3(store, redirect=True, endpoint=endpoint).running(tmp_path / "ours") as server:
            asked.clear()
            push_counted(kit, server, 20 * MIB)
            ours = asked.copy()
            kit.corpus.push(server, [MIB])
            result = run_rounds(Redirected(kit, MIB), [server], 1)
        with DistributionOnS3(build_distribution(), store, redirect=False, endpoint=endpoint).running(
            tmp_path / "theirs"
        ) as server:
            asked.clear()
            push_counted(kit, server, 20 * MIB)
            theirs = asked.copy()

    assert 20 * MIB < ours.sent < 20.1 * MIB
    assert ours.copied == 0
    assert theirs.sent >= 20 * MIB
    assert theirs.copied >= 20 * MIB
    assert result.failures == {}
    assert len(result.samples[MOORAGE]) == 1
