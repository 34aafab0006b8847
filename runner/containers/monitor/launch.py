"""What an interpreter without site packages is given (`python -I -S launch.py`) to be a container's monitor."""

import gc
import sys

# What it loads stays; only what it makes later is worth looking through.
gc.disable()
sys.path.insert(0, __file__.rpartition("/runner/containers/")[0])

from runner import launching  # noqa: E402 - only now can it be found

launching.import_quickly()

from runner.containers.monitor.main import main  # noqa: E402 - quickly

gc.freeze()
gc.enable()
launching.end(main())
