"""What is kept of a container's output: `--log-driver`, `--log-opt`."""

from __future__ import annotations

from runner.cli.creation import sizes
from runner.cli.parsing import invalid
from runner.containers.settings import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.cli.creation.reading import Reading

_DRIVERS = ("json-file", "none")
_MOST_FILES = 1000


def read_log(reading: Reading) -> Log:
    """What is asked for.

    Raises:
        UsageError: it is not built, or makes no sense.
    """
    driver = reading.arguments.text("log-driver") or Log().driver
    if driver not in _DRIVERS:
        raise reading.wrong("log-driver", f"only {' and '.join(_DRIVERS)} are built")
    log = Log(driver)
    for option in reading.arguments.texts("log-opt"):
        try:
            log = _applied(log, option)
        except ValueError as error:
            raise invalid(reading.arguments, "log-opt", option, str(error)) from error
    if log.max_files > 1 and log.max_size is None:
        raise reading.conflict("invalid log-opt: max-file is set but not max-size")
    return log


def _applied(log: Log, option: str) -> Log:
    name, equals, value = option.partition("=")
    if name == "max-size" and equals:
        size = None if value == "-1" else sizes.size(value)
        if size == 0:
            raise ValueError("expected a size above 0, or -1")
        return log._replace(max_size=size)
    if name == "max-file" and equals:
        count = sizes.whole(value)
        if not 0 < count <= _MOST_FILES:
            raise ValueError(f"expected a number from 1 to {_MOST_FILES}")
        return log._replace(max_files=count)
    raise ValueError(f"unknown log opt {name!r} for {log.driver} log driver")
