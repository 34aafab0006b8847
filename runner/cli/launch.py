"""What the launcher of `runner` imports, quickly, to be the command, in an interpreter without site packages."""

import gc

from runner import launching

# What is loaded stays, and is not worth looking through again and again.
gc.set_threshold(50_000)
launching.open_standard_streams()

from runner.cli.main import main  # noqa: E402 - its modules are what would be looked through

launching.end(main())
