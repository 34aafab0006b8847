"""What came of tests that ran elsewhere, by pytest's report in JUnit's form."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class Result:
    """What came of one test."""

    file: str
    """As in its node id: `tests/runner/test_x.py`."""
    name: str
    trouble: str | None
    """Why it failed, or was not carried out; None where it passed."""


def read_report(text: str) -> list[Result]:
    """The results that a report holds; none where the run ended before there was one."""
    if "<testsuites" not in text:
        return []
    cases = ET.fromstring(text[text.index("<testsuites") :]).iter("testcase")
    return [Result(_file(case), case.get("name", ""), _trouble(case)) for case in cases]


def exit_status(text: str) -> int:
    """What pytest ended with (its documentation, "Exit codes")."""
    return int(text.rpartition("<!--status ")[2].partition("-->")[0])


def _file(case: ET.Element) -> str:
    return case.get("classname", "").replace(".", "/") + ".py"


def _trouble(case: ET.Element) -> str | None:
    for kind in ("failure", "error", "skipped"):
        if (found := case.find(kind)) is not None:
            return f"{kind}: {found.get('message', '')}\n{found.text or ''}"
    return None
