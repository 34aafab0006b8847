"""The table of all commands. Help, parser, refusals and the test of the documentation come from it."""

from __future__ import annotations

from runner.cli.container_table import CONTAINER_COMMANDS
from runner.cli.flags import FORMAT, TEXT, TEXTS, TLS_VERIFY, Command, Flag

_COMMANDS = "runner.cli.commands"
_CONTENT_TRUST = "disable-content-trust"

COMMANDS: tuple[Command, ...] = (
    *CONTAINER_COMMANDS,
    Command(
        "pull",
        "[OPTIONS] NAME[:TAG|@DIGEST]",
        "Download an image from a registry",
        f"{_COMMANDS}.pull",
        (
            Flag("all-tags", "Download all tagged images in the repository", short="a"),
            Flag("platform", "Set platform if server is multi-platform capable", TEXT),
            Flag("quiet", "Suppress verbose output", short="q"),
            TLS_VERIFY,
        ),
        least=1,
        most=1,
        unbuilt=(_CONTENT_TRUST,),
        aliases=("image pull",),
    ),
    Command(
        "push",
        "[OPTIONS] NAME[:TAG]",
        "Upload an image to a registry",
        f"{_COMMANDS}.push",
        (
            Flag("all-tags", "Push all tags of an image to the repository", short="a"),
            Flag("quiet", "Suppress verbose output", short="q"),
            TLS_VERIFY,
        ),
        least=1,
        most=1,
        unbuilt=(_CONTENT_TRUST, "platform"),
        aliases=("image push",),
    ),
    Command(
        "images",
        "[OPTIONS] [REPOSITORY[:TAG]]",
        "List images",
        f"{_COMMANDS}.images",
        (
            Flag("all", "Show all images (there are no intermediate ones)", short="a"),
            Flag("digests", "Show digests"),
            Flag("filter", "Filter output based on conditions provided", TEXTS, short="f"),
            FORMAT,
            Flag("no-trunc", "Don't truncate output"),
            Flag("quiet", "Only show image IDs", short="q"),
        ),
        most=1,
        unbuilt=("tree",),
        aliases=("image ls", "image list"),
    ),
    Command(
        "rmi",
        "[OPTIONS] IMAGE [IMAGE...]",
        "Remove one or more images",
        f"{_COMMANDS}.rmi",
        (Flag("force", "Force removal of the image", short="f"),),
        least=1,
        unbuilt=("no-prune", "platform"),
        aliases=("image rm", "image remove"),
    ),
    Command(
        "tag",
        "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
        f"{_COMMANDS}.tag",
        least=2,
        most=2,
        aliases=("image tag",),
    ),
    Command(
        "inspect",
        "[OPTIONS] NAME|ID [NAME|ID...]",
        "Return low-level information on containers and images",
        f"{_COMMANDS}.inspect",
        (
            Flag("format", "Format output with 'json' or a Go template", TEXT, short="f"),
            Flag("type", "Only inspect objects of the given type", TEXT),
        ),
        least=1,
        unbuilt=("size",),
        aliases=("image inspect", "container inspect"),
    ),
    Command(
        "history",
        "[OPTIONS] IMAGE",
        "Show the history of an image",
        f"{_COMMANDS}.history",
        (
            FORMAT,
            Flag("human", "Print sizes and dates in human readable format", short="H", default=True),
            Flag("no-trunc", "Don't truncate output"),
            Flag("quiet", "Only show image IDs", short="q"),
        ),
        least=1,
        most=1,
        unbuilt=("platform",),
        aliases=("image history",),
    ),
    Command(
        "save",
        "[OPTIONS] IMAGE [IMAGE...]",
        "Save one or more images to a tar archive (streamed to STDOUT by default)",
        f"{_COMMANDS}.save",
        (Flag("output", "Write to a file, instead of STDOUT", TEXT, "o"),),
        least=1,
        unbuilt=("platform",),
        aliases=("image save",),
    ),
    Command(
        "load",
        "[OPTIONS]",
        "Load an image from a tar archive or STDIN",
        f"{_COMMANDS}.load",
        (
            Flag("input", "Read from tar archive file, instead of STDIN", TEXT, "i"),
            Flag("quiet", "Suppress the load output", short="q"),
        ),
        most=0,
        unbuilt=("platform",),
        aliases=("image load",),
    ),
    Command(
        "import",
        "[OPTIONS] file|directory|- [REPOSITORY[:TAG]]",
        "Import the contents from a tarball or a directory to create an image",
        f"{_COMMANDS}.import_",
        (
            Flag("change", "Apply Dockerfile instruction to the created image", TEXTS, "c"),
            Flag("message", "Set commit message for imported image", TEXT, "m"),
            Flag("platform", "Set platform of the image", TEXT),
        ),
        least=1,
        most=2,
        aliases=("image import",),
    ),
    Command(
        "image prune",
        "[OPTIONS]",
        "Remove unused images",
        f"{_COMMANDS}.image_prune",
        (
            Flag("all", "Remove all unused images, not just dangling ones", short="a"),
            Flag("filter", 'Provide filter values (e.g. "until=<timestamp>")', TEXTS),
            Flag("force", "Do not prompt for confirmation", short="f"),
        ),
        most=0,
    ),
    Command(
        "login",
        "[OPTIONS] [SERVER]",
        "Authenticate to a registry",
        f"{_COMMANDS}.login",
        (
            Flag("password", "Password or personal access token", TEXT, "p"),
            Flag("password-stdin", "Take the password or personal access token from stdin"),
            TLS_VERIFY,
            Flag("username", "Username", TEXT, "u"),
        ),
        most=1,
    ),
    Command("logout", "[SERVER]", "Log out from a registry", f"{_COMMANDS}.logout", most=1),
    Command(
        "info",
        "[OPTIONS]",
        "Show what this machine has of what containers need",
        f"{_COMMANDS}.info",
        (Flag("format", "Format output with 'json' or a Go template", TEXT, "f"),),
        most=0,
    ),
)


def find(words: list[str]) -> tuple[Command, list[str]] | None:
    """The command that the words begin with, and the words that follow its name."""
    for length in (2, 1):
        name = " ".join(words[:length])
        for command in COMMANDS:
            if len(words) >= length and (name == command.name or name in command.aliases):
                return command, words[length:]
    return None
