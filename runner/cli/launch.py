"""What the launcher of `runner` imports to be the command, in an interpreter without site packages."""

import gc

# What is loaded stays, and is not worth looking through again and again.
gc.set_threshold(50_000)

from runner import launching  # noqa: E402 - the modules are what would be looked through

launching.open_standard_streams()
launching.import_quickly()

from runner.cli.main import main  # noqa: E402 - quickly

launching.end(main())
