"""`registry serve` as a process: it says where it is, serves, counts over all workers, and stops when it is told."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.registry.cli.running import ROOT

_COUNTED = re.compile(
    r'^registry_http_requests_total\{code="200",handler="base",method="get"\} ([0-9.]+)$', re.MULTILINE
)


@contextmanager
def serving(data: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A registry with `data` on a port of the kernel's choice, which has been told nothing else."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    process = subprocess.Popen(
        [sys.executable, "-c", "from registry.cli.main import main; main()", "serve", "--data", str(data), *arguments],
        cwd=data,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def listening(process: subprocess.Popen[str]) -> str:
    """Where the registry says that it listens, once it does."""
    assert process.stderr is not None
    for line in process.stderr:
        entry = json.loads(line)
        if entry["event"] == "listening":
            return f"http://{entry['address']}"
    raise AssertionError("it ended before it listened")


def test_it_serves_counts_over_all_workers_and_stops_in_order(tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", "127.0.0.1:0", "--workers", "2") as process:
        url = listening(process)

        for _ in range(20):
            assert get(f"{url}/v2/") == (200, "{}")

        counted = 0.0
        # A request is counted once its answer has been sent, so the last one may still be missing.
        while counted < 20:
            status, text = get(f"{url}/metrics")
            assert status == 200
            counted = float(next(iter(_COUNTED.findall(text)), 0))
        assert counted == 20
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()

    assert process.returncode == 0
    entries = [json.loads(line) for line in out.splitlines()]
    assert sum(entry["target"] == "/v2/" for entry in entries) == 20


def test_a_person_is_told_what_to_paste(tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", "127.0.0.1:0", "--set", "log.format=console") as process:
        assert process.stdout is not None
        shown = ""
        while "docker pull" not in shown:
            line = process.stdout.readline()
            assert line, "it ended before it told anything"
            shown += line
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert process.returncode == 0
    assert str(tmp_path) in shown
    assert "docker push localhost:" in shown


@pytest.mark.parametrize(
    "flags", [["--listen", "0.0.0.0:0"], ["--listen", "127.0.0.1:0", "--set", "storage.backend=s3"]]
)
def test_what_is_not_safe_or_not_here_is_refused_before_anything_is_made(tmp_path: Path, flags: list[str]) -> None:
    with serving(tmp_path, *flags) as process:
        out, err = process.communicate()

    assert process.returncode == 1
    assert out == ""
    assert len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
