"""The conformance program of the distribution specification, run against a server, and what it counted."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

DEADLINE_S = 600

_OPTIONAL_APIS = (
    "PING",
    "PULL",
    "PUSH",
    "BLOBS_ATOMIC",
    "BLOBS_DELETE",
    "BLOBS_DIGEST_HEADER",
    "BLOBS_MOUNT_ANONYMOUS",
    "BLOBS_UPLOAD_CANCEL",
    "MANIFESTS_ATOMIC",
    "MANIFESTS_DELETE",
    "MANIFESTS_DIGEST_HEADER",
    "MANIFESTS_TAG_PARAM",
    "TAGS_ATOMIC",
    "TAGS_DELETE",
    "TAGS_LIST",
    "REFERRER",
)
_OPTIONAL_DATA = (
    "IMAGE",
    "INDEX",
    "INDEX_LIST",
    "SPARSE",
    "ARTIFACT",
    "SUBJECT",
    "SUBJECT_MISSING",
    "ARTIFACT_LIST",
    "SUBJECT_LIST",
    "DATA_FIELD",
    "NONDISTRIBUTABLE",
    "CUSTOM_FIELDS",
    "NO_LAYERS",
    "EMPTY_BLOB",
    "SHA512",
)
EVERY_SWITCH: Mapping[str, str] = {
    **{f"OCI_API_{name}": "true" for name in _OPTIONAL_APIS},
    **{f"OCI_DATA_{name}": "true" for name in _OPTIONAL_DATA},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many checks ran and how they ended; `complaints` names each that failed, erred or was skipped, and why."""

    checks: int
    failures: int
    errors: int
    skipped: int
    disabled: int
    complaints: tuple[str, ...]
    exit_status: int


def run_suite(
    program: Path, address: str, version: str, results: Path, switches: Mapping[str, str] | None = None
) -> Outcome:
    """Run the suite for a version of the specification ("1.1", "dev") over plain HTTP; its reports go to `results`."""
    results.mkdir(parents=True, exist_ok=True)
    settings = {
        "OCI_REGISTRY": address,
        "OCI_TLS": "disabled",
        "OCI_VERSION": version,
        "OCI_LOG": "error",
        "OCI_RESULTS_DIR": str(results),
        # A file of that name in the working directory would configure the run.
        "OCI_CONFIGURATION": os.devnull,
        **(switches or {}),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OCI_")}
    run = subprocess.run(
        [program],
        cwd=results,
        env={**inherited, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        check=False,
    )
    return _read(results / "junit.xml", run.returncode)


def _read(report: Path, exit_status: int) -> Outcome:
    # The report holds the bytes that were sent, and some of those are no text.
    text = report.read_bytes().decode("utf-8", errors="replace")
    suite = ElementTree.fromstring(text).find("testsuite")
    assert suite is not None, f"{report} holds no test suite"
    counts = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped", "disabled")}
    return Outcome(
        checks=counts["tests"],
        failures=counts["failures"],
        errors=counts["errors"],
        skipped=counts["skipped"],
        disabled=counts["disabled"],
        complaints=tuple(_complaint(case) for case in suite.iter("testcase") if not _is_fine(case)),
        exit_status=exit_status,
    )


def _is_fine(case: ElementTree.Element) -> bool:
    # What the chosen version leaves out is reported as skipped, but counted as disabled.
    left_out = "is disabled in the configuration" in (case.findtext("system-err") or "")
    return case.get("status") == "passed" or left_out


def _complaint(case: ElementTree.Element) -> str:
    reason = " ".join((case.findtext("system-out") or "").split())
    return f"{case.get('status')}: {case.get('name', '').removeprefix('OCI Conformance Test/')}: {reason}"
