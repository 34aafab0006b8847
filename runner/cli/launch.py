"""What the launcher of `runner` imports to be the command, in an interpreter without site packages."""

import gc
import os
import sys

# What is loaded stays, and is not worth looking through again and again.
gc.set_threshold(50_000)

from runner.cli.main import main  # noqa: E402 - the modules are what would be looked through
from runner.suppression import Suppressed  # noqa: E402 - the same

status = main()
with Suppressed(OSError, ValueError):
    sys.stdout.flush()
    sys.stderr.flush()
# To tear down the interpreter takes longer than many a command; nothing is left to be done.
os._exit(status)
