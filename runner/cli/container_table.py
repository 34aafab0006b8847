"""The commands about containers that are there; `table` has them with all others."""

from __future__ import annotations

from runner.cli.container_flags import CREATE_FLAGS, CREATE_UNBUILT
from runner.cli.exec_table import EXEC
from runner.cli.flags import FORMAT, NUMBER, TEXT, TEXTS, Command, Flag

_COMMANDS = "runner.cli.commands"
_FILTER = Flag("filter", "Filter output based on conditions provided", TEXTS, "f")
_DETACH_KEYS = Flag("detach-keys", "Override the key sequence for detaching a container", TEXT)
_SIG_PROXY = Flag("sig-proxy", "Proxy all received signals to the process", default=True)

_TO_RUN: tuple[Flag, ...] = tuple(
    sorted(
        (
            *CREATE_FLAGS,
            Flag("detach", "Run container in background and print container ID", short="d"),
            _DETACH_KEYS,
            _SIG_PROXY,
        )
    )
)

CONTAINER_COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        "Create and run a new container from an image",
        f"{_COMMANDS}.run",
        _TO_RUN,
        least=1,
        unbuilt=CREATE_UNBUILT,
        interspersed=False,
        aliases=("container run",),
    ),
    Command(
        "create",
        "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        "Create a new container",
        f"{_COMMANDS}.create",
        CREATE_FLAGS,
        least=1,
        unbuilt=CREATE_UNBUILT,
        interspersed=False,
        aliases=("container create",),
    ),
    EXEC,
    Command(
        "start",
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Start one or more stopped containers",
        f"{_COMMANDS}.start",
        (
            Flag("attach", "Attach STDOUT/STDERR and forward signals", short="a"),
            _DETACH_KEYS,
            Flag("interactive", "Attach container's STDIN", short="i"),
            _SIG_PROXY,
        ),
        least=1,
        unbuilt=("checkpoint", "checkpoint-dir"),
        aliases=("container start",),
    ),
    Command(
        "stop",
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Stop one or more running containers",
        f"{_COMMANDS}.stop",
        (
            Flag("signal", "Signal to send to the container", TEXT, "s"),
            Flag("timeout", "Seconds to wait before killing the container", NUMBER, "t", aliases=("time",)),
        ),
        least=1,
        aliases=("container stop",),
    ),
    Command(
        "kill",
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Kill one or more running containers",
        f"{_COMMANDS}.kill",
        (Flag("signal", "Signal to send to the container", TEXT, "s", default="KILL"),),
        least=1,
        aliases=("container kill",),
    ),
    Command(
        "wait",
        "CONTAINER [CONTAINER...]",
        "Block until one or more containers stop, then print their exit codes",
        f"{_COMMANDS}.wait",
        least=1,
        aliases=("container wait",),
    ),
    Command(
        "rm",
        "[OPTIONS] CONTAINER [CONTAINER...]",
        "Remove one or more containers",
        f"{_COMMANDS}.rm",
        (
            Flag("force", "Force the removal of a running container (uses SIGKILL)", short="f"),
            Flag("volumes", "Remove anonymous volumes associated with the container", short="v"),
        ),
        least=1,
        unbuilt=("link",),
        aliases=("container rm", "container remove"),
    ),
    Command(
        "ps",
        "[OPTIONS]",
        "List containers",
        f"{_COMMANDS}.ps",
        (
            Flag("all", "Show all containers (default shows just running)", short="a"),
            _FILTER,
            FORMAT,
            Flag("last", "Show n last created containers (includes all states)", NUMBER, "n"),
            Flag("latest", "Show the latest created container (includes all states)", short="l"),
            Flag("no-trunc", "Don't truncate output"),
            Flag("quiet", "Only display container IDs", short="q"),
        ),
        most=0,
        unbuilt=("size",),
        aliases=("container ls", "container list", "container ps"),
    ),
    Command(
        "logs",
        "[OPTIONS] CONTAINER",
        "Fetch the logs of a container",
        f"{_COMMANDS}.logs",
        (
            Flag("follow", "Follow log output", short="f"),
            Flag("since", 'Show logs since timestamp or relative (e.g. "42m")', TEXT),
            Flag("tail", "Number of lines to show from the end of the logs", TEXT, "n", default="all"),
            Flag("timestamps", "Show timestamps", short="t"),
            Flag("until", 'Show logs before a timestamp or relative (e.g. "42m")', TEXT),
        ),
        least=1,
        most=1,
        unbuilt=("details",),
        aliases=("container logs",),
    ),
    Command(
        "attach",
        "[OPTIONS] CONTAINER",
        "Attach local standard input, output, and error streams to a running container",
        f"{_COMMANDS}.attach",
        (_DETACH_KEYS, Flag("no-stdin", "Do not attach STDIN"), _SIG_PROXY),
        least=1,
        most=1,
        aliases=("container attach",),
    ),
    Command(
        "export",
        "[OPTIONS] CONTAINER",
        "Export a container's filesystem as a tar archive",
        f"{_COMMANDS}.export",
        (Flag("output", "Write to a file, instead of STDOUT", TEXT, "o"),),
        least=1,
        most=1,
        aliases=("container export",),
    ),
    Command(
        "container prune",
        "[OPTIONS]",
        "Remove all stopped containers",
        f"{_COMMANDS}.container_prune",
        (
            Flag("filter", 'Provide filter values (e.g. "until=<timestamp>")', TEXTS),
            Flag("force", "Do not prompt for confirmation", short="f"),
        ),
        most=0,
    ),
)
