import json
from pathlib import Path

from tests.registry.cli.running import Run


def test_a_sound_registry_has_no_problem(registry: Run) -> None:
    shown, told = registry("doctor"), registry("doctor", "--json")

    assert (shown.code, told.code) == (0, 0)
    findings = json.loads(told.out)["findings"]
    assert len(shown.out.splitlines()) == len(findings) > 8
    assert {finding["verdict"] for finding in findings} == {"ok", "not applicable"}


def test_what_is_wrong_is_told_with_a_remedy(run: Run, tmp_path: Path) -> None:
    told = run("doctor", "--json", "--set", f"database.url=postgresql://nobody@/nothing?host={tmp_path}")

    assert told.code == 1
    (finding,) = json.loads(told.out)["findings"]
    assert (finding["check"], finding["verdict"]) == ("database", "problem")
    assert "cannot connect" in finding["found"]
    assert "database.url" in finding["remedy"]
