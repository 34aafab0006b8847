"""runner attach: this terminal, or these pipes, for a container that runs."""

from __future__ import annotations

from runner.cli import containers, foreground
from runner.cli.errors import Failed
from runner.cli.main import Places
from runner.cli.parsing import Arguments
from runner.containers import attaching, finding, protocol, reaching, records, status

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket


def run(arguments: Arguments, places: Places) -> int:
    """Connect, until the container ends or the user leaves; the status to end with."""
    folders = containers.folders(places)
    place = finding.find(folders, arguments.words[0])
    container = records.read(place)
    has_input = not arguments.flag("no-stdin")
    wanted = foreground.Wanted(
        has_input=has_input, keys=arguments.text("detach-keys"), passes_signals=arguments.flag("sig-proxy")
    )
    end = reaching.connect(place) if status.of(place) == status.RUNNING else None
    if end is None:
        raise Failed("You cannot attach to a stopped container, start it first")
    foreground.check_terminal(container.settings.terminal, has_input=has_input and container.settings.stdin_open)
    if container.settings.terminal:
        _have_drawn(end)
    return foreground.follow(folders, place, container, end=end, wanted=wanted)


def _have_drawn(end: _socket.socket) -> None:
    """Make the terminal another size for a moment: only then do programs draw anew what this one has not seen."""
    size = attaching.terminal_size()
    if size is not None:
        rows, columns = size
        end.send(protocol.size_message(rows + 1, columns + 1))
