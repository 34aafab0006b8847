"""Names for containers that were given none, and what a name may be."""

from __future__ import annotations

import os

from runner.containers.errors import ContainerNameInvalid

_FIRST = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_SIGNS = _FIRST | frozenset("_.-")
_LONGEST = 255

_QUALITIES = (
    "able", "agile", "amber", "ample", "azure", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid",
    "clear", "clever", "cosy", "crisp", "curious", "dapper", "daring", "eager", "early", "earnest", "easy", "fair",
    "fancy", "firm", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "handy", "hardy",
    "hearty", "honest", "jolly", "keen", "kind", "lively", "loyal", "lucid", "mellow", "merry", "mighty", "modest",
    "neat", "nimble", "noble", "patient", "placid", "plucky", "proud", "quick", "quiet", "ready", "sharp", "shiny",
    "silent", "silver", "sleek", "smart", "snug", "solid", "steady", "sturdy", "sunny", "swift", "tidy", "tranquil",
    "trusty", "vivid", "warm", "wise", "witty", "zesty",
)  # fmt: skip
_NAVIGATORS = (
    "amundsen", "barents", "battuta", "bering", "bougainville", "byrd", "cabot", "cartier", "cavendish", "champlain",
    "cook", "davis", "dias", "drake", "elcano", "erikson", "flinders", "franklin", "frobisher", "gama", "hanno",
    "hudson", "ibnmajid", "laperouse", "leif", "magellan", "malaspina", "mawson", "nansen", "nearchus", "nordenskiold",
    "pytheas", "quiros", "raleigh", "ross", "scoresby", "shackleton", "tasman", "torres", "tupaia", "urdaneta",
    "vancouver", "vespucci", "weddell", "wilkes", "zhenghe",
)  # fmt: skip


def made_up(attempt: int) -> str:
    """A name such as `calm_tasman`; after some attempts with digits, for the simple ones may all be taken."""
    first, second, digits = os.urandom(3)
    name = f"{_QUALITIES[first % len(_QUALITIES)]}_{_NAVIGATORS[second % len(_NAVIGATORS)]}"
    return name if attempt < 3 else f"{name}{digits * attempt}"


def check(name: str) -> str:
    """The name, without the slash that docker lets stand before it.

    Raises:
        ContainerNameInvalid: it cannot be one.
    """
    bare = name.removeprefix("/")
    if not 2 <= len(bare) <= _LONGEST or bare[0] not in _FIRST or not _SIGNS.issuperset(bare):
        raise ContainerNameInvalid(name)
    return bare
