"""When a changed value of the configuration takes effect."""

from enum import Enum
from typing import Final


class TakesEffect(Enum):
    """When a changed value does."""

    RELOAD = "reload"
    RESTART = "restart"


RELOAD: Final = TakesEffect.RELOAD
RESTART: Final = TakesEffect.RESTART
