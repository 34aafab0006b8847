"""A fault that many requests meet is a line now and again, and each of its causes has one of its own."""

from __future__ import annotations

import errno

import pytest
import structlog
from structlog.testing import capture_logs

from registry import limits
from registry.errors import DatabaseBusy, StorageFull
from registry.observability.recurring import RecurringFaults
from storage_backends import errors as storage


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faults(clock: Clock) -> RecurringFaults:
    return RecurringFaults(structlog.get_logger(), clock)


def test_a_flood_is_one_line_until_a_while_has_passed(faults: RecurringFaults, clock: Clock) -> None:
    with capture_logs() as lines:
        for _ in range(1000):
            faults.warn("refused", StorageFull("database or disk is full"))
        clock.now += limits.FAULT_LOG_S
        faults.warn("refused", StorageFull("database or disk is full"))
        clock.now += limits.FAULT_LOG_S
        faults.warn("refused", StorageFull("database or disk is full"))

    told = {"event": "refused", "log_level": "warning", "error": "StorageFull", "cause": "database or disk is full"}
    assert lines == [told, {**told, "repeated": 999}, told]


def test_each_cause_has_its_line(faults: RecurringFaults) -> None:
    causes: list[Exception] = [
        StorageFull("database or disk is full"),
        DatabaseBusy("database is locked"),
        storage.StorageFull(OSError(errno.ENOSPC, "No space left on device", "/blobs/1")),
        storage.StorageUnavailable(OSError(errno.EIO, "Input/output error", "/blobs/1")),
        storage.StorageUnavailable(OSError(errno.ESTALE, "Stale file handle", "/blobs/1")),
    ]

    with capture_logs() as lines:
        for cause in causes * 2:
            faults.warn("refused", cause)
        # Another file on the same disk is the same fault.
        faults.warn("refused", storage.StorageFull(OSError(errno.ENOSPC, "No space left on device", "/blobs/2")))
        faults.warn("job failed", causes[0], job="a")
        faults.warn("job failed", causes[0], job="b")

    assert [line["cause"] for line in lines] == [
        "database or disk is full",
        "database is locked",
        "[Errno 28] No space left on device: '/blobs/1'",
        "[Errno 5] Input/output error: '/blobs/1'",
        "[Errno 116] Stale file handle: '/blobs/1'",
        "database or disk is full",
        "database or disk is full",
    ]
