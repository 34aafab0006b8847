"""The commands that make containers, as far as their words go: what they are parsed by."""

from runner.cli.container_flags import CREATE_FLAGS, CREATE_UNBUILT
from runner.cli.creation.settings_reading import read_settings
from runner.cli.flags import Command
from runner.cli.parsing import parse
from runner.containers.settings import Settings

CREATE = Command(
    "create",
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    "Create a new container",
    "nowhere",
    CREATE_FLAGS,
    least=1,
    unbuilt=CREATE_UNBUILT,
    interspersed=False,
)
OWN = {"HOME": "/root", "PATH": "/bin", "EMPTY": ""}


def settings(*words: str) -> Settings:
    """What the words ask for."""
    return read_settings(parse(CREATE, words), OWN)
