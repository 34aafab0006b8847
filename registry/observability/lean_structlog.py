"""structlog, without rich.

It loads all of rich wherever it is installed, to show tracebacks in colours, which this log never does. That took a
twentieth of every start.
"""

import sys

_SPARED = "rich"
_was_loaded = _SPARED in sys.modules

if not _was_loaded:
    # So a module looks to those that import it that is not installed.
    sys.modules[_SPARED] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if not _was_loaded:
        del sys.modules[_SPARED]

__all__ = ["structlog"]
