"""From the words behind `run` or `create` to the settings of a container, as far as its user says them."""

from __future__ import annotations

from runner.cli.creation import environment, limits, modes, mounts, names, security, sizes
from runner.cli.creation.log import read_log
from runner.cli.creation.reading import Reading
from runner.cli.creation.resources import read_resources
from runner.cli.parsing import invalid
from runner.containers.settings import (
    ALWAYS,
    BRIDGE,
    CONTAINER,
    DEFAULT_SHM_SIZE,
    HOST,
    MISSING,
    NEVER,
    Mount,
    Namespaces,
    Network,
    Security,
    Settings,
)
from runner.network import files, publications

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.cli.parsing import Arguments
    from runner.network.publications import Publication


def read_settings(arguments: Arguments, own: Mapping[str, str] | None = None) -> Settings:
    """What `arguments` ask for: the first of their words is the image, the rest the command.

    Args:
        arguments: of `run` or `create`, parsed by the flags of the table.
        own: the environment that variables without a value are taken from; None for this process's.

    Raises:
        UsageError: a value is none that its flag takes, or two contradict each other.
    """
    reading = Reading(arguments)
    image, *command = arguments.words
    entrypoint = arguments.text("entrypoint")
    settings = Settings(
        image=image,
        name=reading.word("name", names.container),
        entrypoint=None if entrypoint is None else (entrypoint,) if entrypoint else (),
        command=tuple(command) or None,
        environment=environment.read_variables(reading, own),
        user=arguments.text("user") or None,
        added_groups=tuple(arguments.texts("group-add")),
        working_directory=reading.word("workdir", names.working_directory),
        terminal=arguments.flag("tty"),
        stdin_open=arguments.flag("interactive"),
        hostname=reading.word("hostname", names.hostname),
        labels=dict(reading.values("label", environment.label)),
        mounts=_mounts(reading),
        namespaces=_namespaces(reading),
        network=_network(reading),
        resources=read_resources(reading),
        security=_security(reading),
        devices=tuple(reading.values("device", limits.device)),
        ulimits=tuple({each.name: each for each in reading.values("ulimit", limits.ulimit)}.values()),
        sysctls=dict(reading.values("sysctl", limits.sysctl)),
        shm_size=reading.value("shm-size", sizes.size) or DEFAULT_SHM_SIZE,
        oom_score_adj=reading.number("oom-score-adj", -1000, 1000),
        read_only=arguments.flag("read-only"),
        init=arguments.flag("init"),
        stop_signal=reading.word("stop-signal", names.stop_signal),
        stop_timeout_s=reading.number("stop-timeout", -1, 2**31 - 1),
        log=read_log(reading),
        restart=_restart(reading),
        remove=arguments.flag("rm"),
        runtime=arguments.text("runtime") or None,
        platform=arguments.text("platform") or None,
        pull=_one_of(reading, "pull", (ALWAYS, MISSING, NEVER)),
        cidfile=arguments.text("cidfile") or None,
    )
    _refuse_conflicts(reading, settings)
    return settings


def _mounts(reading: Reading) -> tuple[Mount, ...]:
    found: list[Mount] = []
    for name, parse in mounts.PARSERS.items():
        for mount in reading.values(name, parse):
            if any(mount.destination == other.destination for other in found):
                raise reading.conflict(f"Duplicate mount point: {mount.destination}")
            found.append(mount)
    return tuple(found)


def _namespaces(reading: Reading) -> Namespaces:
    usual = Namespaces()
    # There is one answer that is none of an error, so nothing is kept of it.
    reading.word("userns", modes.user)
    return Namespaces(
        pid=reading.word("pid", modes.pid) or usual.pid,
        ipc=reading.word("ipc", modes.ipc) or usual.ipc,
        uts=reading.word("uts", modes.uts) or usual.uts,
        cgroup=reading.word("cgroupns", modes.cgroup),
    )


def _network(reading: Reading) -> Network:
    published: list[list[Publication]] = reading.values("publish", publications.parse)
    exposed = reading.values("expose", publications.parse_exposed)
    return Network(
        mode=reading.word("network", modes.network) or BRIDGE,
        publications=tuple(each for several in published for each in several),
        publish_all=reading.arguments.flag("publish-all"),
        exposed_ports=tuple(each for several in exposed for each in several),
        dns_servers=tuple(reading.values("dns", files.parse_server)),
        dns_search=tuple(reading.values("dns-search", files.parse_word)),
        dns_options=tuple(reading.values("dns-option", files.parse_word)),
        added_hosts=tuple(reading.values("add-host", _added_host)),
    )


def _added_host(text: str) -> str:
    # What stands for the host is known when the container is connected.
    files.parse_added_host(text, "0.0.0.0")  # noqa: S104 - any address: it is looked whether the text is an entry
    return text


def _security(reading: Reading) -> Security:
    made = Security(
        privileged=reading.arguments.flag("privileged"),
        capabilities_added=tuple(reading.values("cap-add", security.capability)),
        capabilities_dropped=tuple(reading.values("cap-drop", security.capability)),
    )
    for text in reading.arguments.texts("security-opt"):
        try:
            made = security.apply(made, text)
        except ValueError as error:
            raise invalid(reading.arguments, "security-opt", text, str(error)) from error
    return made


def _restart(reading: Reading) -> str:
    policy = reading.arguments.text("restart") or "no"
    if policy != "no":
        raise reading.wrong("restart", "containers are not started again yet")
    return policy


def _one_of(reading: Reading, name: str, words: tuple[str, ...]) -> str:
    word = reading.arguments.text(name) or ""
    if word not in words:
        raise reading.wrong(name, f"expected one of {', '.join(words)}")
    return word


def _refuse_conflicts(reading: Reading, settings: Settings) -> None:
    """What makes no sense together, in docker's words."""
    network = settings.network
    if settings.hostname is not None and settings.namespaces.uts == HOST:
        raise reading.conflict("conflicting options: hostname and the UTS mode")
    for name in settings.sysctls:
        # What is no network's belongs to the ipc namespace.
        space = "network" if name.startswith("net.") else "ipc"
        if (network.mode if space == "network" else settings.namespaces.ipc) == HOST:
            raise reading.conflict(f"sysctl '{name}' not allowed in host {space} namespace")
    if not network.mode.startswith(CONTAINER):
        return
    for given, what in (
        (settings.hostname, "hostname"),
        (network.dns_servers or network.dns_search or network.dns_options, "dns"),
        (network.added_hosts, "custom host-to-IP mapping"),
    ):
        if given:
            raise reading.conflict(f"conflicting options: {what} and the network mode")
    if network.publications or network.publish_all:
        raise reading.conflict("conflicting options: port publishing and the container type network mode")
    if network.exposed_ports:
        raise reading.conflict("conflicting options: port exposing and the container type network mode")
