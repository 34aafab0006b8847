"""Lines of a registry's log about faults that many requests meet."""

ONE_FOR_EACH_CAUSE = "from registry import limits; limits.FAULT_LOG_S = 86_400.0\n"
"""What makes of a registry's process one that tells of such a fault once, however long a test takes."""
