"""The whole conformance suite through a load balancer, each of whose requests goes to the next of two nodes."""

from pathlib import Path

import pytest

from tests.balancer import balanced_registry
from tests.conformance.suite import EVERY_SWITCH, run_suite
from tests.conformance.test_conformance import REPORTS
from tests.postgresql import running_cluster
from tests.registry.app.processes import access_log_of
from tests.requirements import require_tool
from tests.s3 import running_versitygw

pytestmark = [
    pytest.mark.tool("conformance"),
    pytest.mark.tool("haproxy"),
    pytest.mark.tool("postgres"),
    pytest.mark.tool("versitygw"),
    pytest.mark.timeout(700),
]


def test_the_coming_version_with_every_switch_on(tmp_path: Path) -> None:
    with running_cluster() as cluster, running_versitygw() as s3:
        database = f"database.url={cluster.url(cluster.create())}"
        settings = (database, *s3.flags(), "manifests.sparse=allow", "server.workers=1")
        with balanced_registry(tmp_path, *settings) as registry:
            outcome = run_suite(
                require_tool("conformance"), registry.address, "dev", REPORTS / "balanced", EVERY_SWITCH
            )
            served = [access_log_of(node.registry.data).read_text().count("/v2/") for node in registry.nodes]

    assert outcome.complaints == ()
    assert (outcome.failures, outcome.errors, outcome.skipped, outcome.disabled) == (0, 0, 0, 0)
    assert outcome.exit_status == 0
    assert outcome.checks > 1000
    # Round-robin: no client was kept at one of them.
    assert min(served) > sum(served) / 3
