"""What an operator can set: `Config`."""

from registry.config.schema import Config

__all__ = ["Config"]
