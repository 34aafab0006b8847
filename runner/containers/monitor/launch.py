"""What an interpreter without site packages is given (`python -I -S launch.py`) to be a container's monitor."""

import gc
import os
import sys

# What it loads stays; only what it makes later is worth looking through.
gc.disable()
sys.path.insert(0, __file__.rpartition("/runner/containers/")[0])

from runner.containers.monitor.main import main  # noqa: E402 - only now can it be found

gc.freeze()
gc.enable()
main()
# Nothing is left that would have to be torn down.
os._exit(0)
