"""Every check of the OCI conformance suite passes; the reports stay in `build/conformance/`."""

from pathlib import Path

import pytest

from tests.conformance.suite import EVERY_SWITCH, run_suite
from tests.e2e.s3 import s3_environment
from tests.e2e.server import running_registry
from tests.requirements import require_tool
from tests.s3 import running_versitygw

pytestmark = [pytest.mark.tool("conformance"), pytest.mark.timeout(700)]

REPORTS = Path(__file__).parent.parent.parent / "build" / "conformance"


def test_version_one_point_one_as_the_registry_is_shipped(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        outcome = run_suite(require_tool("conformance"), registry.address, "1.1", REPORTS / "1.1")

    assert outcome.complaints == ()
    assert (outcome.failures, outcome.errors, outcome.skipped) == (0, 0, 0)
    assert outcome.exit_status == 0
    assert outcome.checks > 800


def test_the_coming_version_with_every_switch_on(tmp_path: Path) -> None:
    sparse = {"REGISTRY_MANIFESTS__SPARSE": "allow"}
    with running_registry(tmp_path, environment=sparse) as registry:
        outcome = run_suite(require_tool("conformance"), registry.address, "dev", REPORTS / "dev", EVERY_SWITCH)

    assert outcome.complaints == ()
    assert (outcome.failures, outcome.errors, outcome.skipped, outcome.disabled) == (0, 0, 0, 0)
    assert outcome.exit_status == 0
    assert outcome.checks > 1000


def test_the_coming_version_with_token_auth(tmp_path: Path) -> None:
    password = "correct-horse-battery"
    tokens = {
        "REGISTRY_AUTH__MODE": "token",
        "REGISTRY_AUTH__ADMIN_PASSWORD": password,
        "REGISTRY_MANIFESTS__SPARSE": "allow",
    }
    credentials = {"OCI_USERNAME": "admin", "OCI_PASSWORD": password}
    with running_registry(tmp_path, environment=tokens) as registry:
        assert registry.ask("/v2/").status == 401
        outcome = run_suite(
            require_tool("conformance"), registry.address, "dev", REPORTS / "token", {**EVERY_SWITCH, **credentials}
        )

    assert outcome.complaints == ()
    assert (outcome.failures, outcome.errors, outcome.skipped, outcome.disabled) == (0, 0, 0, 0)
    assert outcome.exit_status == 0
    assert outcome.checks > 1000


@pytest.mark.tool("versitygw")
def test_the_coming_version_with_the_bytes_in_s3(tmp_path: Path) -> None:
    with running_versitygw() as server:
        environment = {"REGISTRY_MANIFESTS__SPARSE": "allow"} | s3_environment(server, "conformance/")
        with running_registry(tmp_path, environment=environment) as registry:
            outcome = run_suite(require_tool("conformance"), registry.address, "dev", REPORTS / "s3", EVERY_SWITCH)

    assert outcome.complaints == ()
    assert (outcome.failures, outcome.errors, outcome.skipped, outcome.disabled) == (0, 0, 0, 0)
    assert outcome.exit_status == 0
    assert outcome.checks > 1000
