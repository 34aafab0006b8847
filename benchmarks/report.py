"""What a run says to people (tables, in Markdown) and to programs (JSON)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks import tables
from benchmarks.ceilings import RESPONDER
from benchmarks.curve import CurvePoint, growths
from benchmarks.goals import Verdict, judge
from benchmarks.results import Result
from benchmarks.servers import DISTRIBUTION, MOORAGE, WITH_ACCOUNTS

# The kernel's own threads do not count in it, but processes are accounted exactly and the machine by its ticks.
_ROUGH = 0.15
# A disk that others write to is now fast and now slow.
_UNSTEADY = 2.0
# What a client's threads lack to this they spent on waiting for the server.
_CLIENT_BUSY = 0.9
_FLAT = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a run measured, and on what; `seconds` is how long it took.

    `part` says what of everything was measured, where that was not all (`Options.part`). `left_out` tells why a
    workload was not measured. `ceilings` are results of the load generator alone. `access` is what accounts cost,
    beside the same without, and `grants` how that grows.
    """

    machine: Mapping[str, str]
    results: Sequence[Result]
    seconds: float = 0.0
    part: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    ceilings: Sequence[Result] = ()
    curve: Sequence[CurvePoint] = ()
    access: Sequence[Result] = ()
    grants: Sequence[CurvePoint] = ()

    def markdown(self) -> str:
        """The tables of the run, and what is to be known about them."""
        about = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        whole = f"a part only: {self.part}" if self.part else "everything"
        lines = [f"Measured ({whole}, in {self.seconds / 60:.1f} minutes) on: {about}.", ""]
        verdicts = self._verdicts()
        if verdicts:
            lines += [*tables.goals(verdicts), ""]
        for peer in _peers(self.results):
            beside = verdicts if peer == DISTRIBUTION else []
            lines += [*tables.comparison(self.results, peer, beside), ""]
        if self.access:
            lines += [*tables.comparison(self.access, MOORAGE, verdicts, server=WITH_ACCOUNTS), ""]
        if self.curve:
            lines += [*tables.curve(self.curve, "tags and repositories"), ""]
        if self.grants:
            lines += [*tables.curve(self.grants, "grants"), ""]
        if self.ceilings:
            lines += [*tables.ceilings(self.ceilings, self.results), ""]
        lines += [f"- {note}" for note in self._notes()]
        return "\n".join(lines).rstrip() + "\n"

    def document(self) -> dict[str, Any]:
        """Everything that was measured, as JSON."""
        return {
            "machine": dict(self.machine),
            "seconds": self.seconds,
            "part": self.part,
            "results": [result.document() for result in self.results],
            "ratios": {peer: [_ratios(result, peer) for result in self.results] for peer in _peers(self.results)},
            "goals": [
                {"name": item.workload, "goal": item.goal.text, "reached": item.reached, "met": item.met}
                for item in self._verdicts()
            ],
            "access": [result.document() for result in self.access],
            "curve": [asdict(point) for point in self.curve],
            "grants": [asdict(point) for point in self.grants],
            "ceilings": [result.document() for result in self.ceilings],
            "left_out": dict(self.left_out),
        }

    def _verdicts(self) -> list[Verdict]:
        return judge([*self.results, *self.access])

    def _notes(self) -> Iterator[str]:
        for name, reason in self.left_out.items():
            yield f"not measured: {name} ({reason})"
        for result in (*self.results, *self.access, *self.ceilings):
            for server, reason in result.failures.items():
                yield f"{result.name}: {server} failed: {reason}"
        for result in (*self.results, *self.access):
            for reason in _doubts(result):
                yield f"rough: {result.name}: {reason}"
        for verdict in self._verdicts():
            if not verdict.met:
                yield f"below its goal: {verdict.workload}: {verdict.reached:.2f}, goal {verdict.goal.text}"
        yield from _doubts_of_curve((*self.curve, *self.grants))


def _peers(results: Sequence[Result]) -> list[str]:
    """The servers that Moorage is compared with, in the order in which they appear."""
    names = [server for result in results for server in result.samples if server not in {MOORAGE, RESPONDER}]
    return list(dict.fromkeys(names))


def _ratios(result: Result, peer: str) -> dict[str, Any]:
    return {"name": result.name, **asdict(result.compare(MOORAGE, peer))}


def _doubts(result: Result) -> Iterator[str]:
    """Why the figures of `result` are rough ones."""
    if result.disturbance() > _ROUGH:
        yield f"others used {result.disturbance():.0%} of the machine"
    if result.client_load() > _CLIENT_BUSY:
        yield f"the client may be the limit: its threads were busy {result.client_load():.0%} of the time"
    if speeds := result.disk_speeds():
        slow, fast = speeds
        if fast > slow * _UNSTEADY:
            yield f"the disk itself wrote {slow / 1e6:.0f} MB/s before one round and {fast / 1e6:.0f} before another"


def _doubts_of_curve(curve: Sequence[CurvePoint]) -> Iterator[str]:
    disturbed = max((point.others for point in curve), default=0.0)
    if disturbed > _ROUGH:
        yield f"rough: the times of the curve: others used up to {disturbed:.0%} of the machine"
    for name, growth in growths(curve).items():
        if growth.time > _FLAT:
            yield (
                f"not flat: {name} takes {growth.time:.1f} times as long in the largest database as in the "
                f"smallest, and {growth.cpu:.1f} times the CPU time"
            )
