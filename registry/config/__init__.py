"""What an operator can set.

`load` makes a `Config` from flags, environment, a TOML file and defaults, or raises `ConfigInvalid` with all problems.
"""

from registry.config.errors import ConfigInvalid, Problem
from registry.config.load import Resolved, load, read, resolve
from registry.config.schema import Config
from registry.config.sources import ignored_variables

__all__ = ["Config", "ConfigInvalid", "Problem", "Resolved", "ignored_variables", "load", "read", "resolve"]
