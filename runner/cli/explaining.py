"""What `runner --explain run` tells: each step, in the order in which a course would teach it, with what is really so.

It goes to standard error; what the container says is not touched.
"""

from __future__ import annotations

import pathlib
import sys

from runner.cgroups import hierarchies
from runner.cgroups.plan import plan
from runner.cgroups.resource_parsing import parse_resources
from runner.containers import layers, records
from runner.containers.settings import BRIDGE, CONTAINER, HOST
from runner.json_text import decode
from runner.network.networks import DEFAULT_BRIDGE
from runner.oci.kernel.namespaces import FLAGS
from runner.store import blobs, finding, index
from runner.store.errors import ImageUnknown
from runner.store.folders import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runner.containers.folders import Folders, Place
    from runner.containers.records import Container, Running
    from runner.containers.settings import Settings

_SHORT = 19
_MOST_SHOWN = 6


class Explanation:
    """Tells the steps of one run; each method is called when its step has come."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._step = 0
        self._bundle: dict[str, Any] = {}

    def look(self, settings: Settings) -> None:
        """Whether the image is here."""
        store = Store(self._folders.root)
        try:
            image = finding.find(index.read(store), settings.image)
        except ImageUnknown:
            self._tell("The image", f"{settings.image} is not in {self._folders.root}, so its registry is asked for it")
            return
        here = f"{settings.image} is in {self._folders.root}: its configuration is {image.id}"
        self._tell("The image", here, f"pulled anew only if --pull=always says so (now: {settings.pull})")

    def create(self, container: Container) -> None:
        """What the container is made of."""
        store = Store(self._folders.root)
        configuration: Any = decode(blobs.read(store, _digest(container)).decode())
        diff_ids = configuration.get("rootfs", {}).get("diff_ids", [])
        lines = [f"{_short(diff)} → {chain}" for diff, chain in zip(diff_ids, container.layers, strict=False)]
        self._tell(
            "The layers",
            "each is a tar archive, unpacked once for all images; diff ID (of the archive) → chain ID (of all so far):",
            *_few(lines),
        )

    def ready(self, place: Place, container: Container) -> None:
        """What is prepared before anything of the container's runs."""
        with pathlib.Path(place.config).open(encoding="utf-8") as file:
            document: Any = decode(file.read())
        self._bundle = document
        self._tell_root(place, container)
        self._tell_mounts()
        self._tell_namespaces()
        self._tell_limits()

    def started(self, place: Place, container: Container) -> None:
        """What was done inside, until the program was executed."""
        running = records.running(place)
        self._tell("The network", *_network(container.settings, running))
        self._tell_inside()
        self._tell_rights()
        self._tell_program(running)

    def _tell_root(self, place: Place, container: Container) -> None:
        lower = [f"lowerdir  {path}" for path in reversed(layers.directories(self._folders, container))]
        self._tell(
            "The root file system",
            "an overlay mount: the layers below, which all containers share, and what this one writes above",
            f"upperdir  {place.upper}",
            *_few(lower),
            f"mounted at {place.rootfs}, in the mount namespace of the container's monitor alone",
        )

    def _tell_mounts(self) -> None:
        mounts = [
            f"{mount['destination']:<18} {mount['type']:<8} {','.join(mount.get('options', ()))}"
            for mount in self._bundle["mounts"]
        ]
        self._tell("The mounts in it", *mounts)

    def _tell_namespaces(self) -> None:
        own = {each["type"]: each.get("path") for each in self._bundle["linux"]["namespaces"]}
        new = [kind for kind, path in own.items() if path is None]
        joined = [f"{kind} of {path}" for kind, path in own.items() if path is not None]
        self._tell(
            "The namespaces",
            f"new: {', '.join(new)}",
            *([f"another container's: {', '.join(joined)}"] if joined else []),
            f"the host's: {', '.join(kind for kind in FLAGS if kind not in own) or 'none'}",
        )

    def _tell_limits(self) -> None:
        linux = self._bundle["linux"]
        host = hierarchies.detect()
        limits = parse_resources(linux["resources"])
        writes = [
            f"{write.file} ← {write.text}"
            for write in plan(limits._replace(devices=()), host, lambda _controller, _file: None)
        ]
        self._tell(
            "The cgroup",
            f"{linux['cgroupsPath']} beneath {', '.join(each.mount for each in host.hierarchies[:2])}… ({host.mode})",
            *(writes or ["no limits but of devices"]),
        )

    def _tell_inside(self) -> None:
        linux = self._bundle["linux"]
        masked, read_only = linux.get("maskedPaths", []), linux.get("readonlyPaths", [])
        self._tell(
            "The new root",
            "pivot_root(2) makes the mount the root, and the host's root is let go of",
            f"hidden: {', '.join(masked) or 'nothing'}",
            f"read-only: {', '.join(read_only) or 'nothing'}",
        )

    def _tell_rights(self) -> None:
        process, linux = self._bundle["process"], self._bundle["linux"]
        held = process["capabilities"]
        rules = linux.get("seccomp", {}).get("syscalls", [])
        allowed = {name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
        filtered = (
            f"of all system calls, {len(allowed)} are allowed" if "seccomp" in linux else "no filter of system calls"
        )
        self._tell(
            "The rights",
            f"capabilities: {_names(held.get('effective', []))}",
            f"and none beyond, for any program (bounding set): {_names(held['bounding'])}",
            f"{filtered}; {'no new privileges' if process['noNewPrivileges'] else 'set-user-ID programs work'}",
        )

    def _tell_program(self, running: Running | None) -> None:
        process = self._bundle["process"]
        user = process["user"]
        self._tell(
            "The program",
            f"execve(2) of {process['args']}, as user {user['uid']} and group {user['gid']}, in {process['cwd']}",
            f"environment: {', '.join(process['env'])}",
            f"in the container it is process 1, on the host {running.pid}" if running else "it has ended by now",
        )

    def _tell(self, title: str, *lines: str) -> None:
        self._step += 1
        text = "".join(f"   {line}\n" for line in lines)
        shown = f"{self._step}. {title}\n{text}".encode("utf-8", "backslashreplace").decode()
        print(shown, end="", file=sys.stderr, flush=True)


def _network(settings: Settings, running: Running | None) -> list[str]:
    network = settings.network
    if network.mode == HOST:
        return ["the host's own: no namespace of networks is made"]
    if network.mode.startswith(CONTAINER):
        return [f"that of {network.mode.removeprefix(CONTAINER)}"]
    if network.mode != BRIDGE:
        return ["none: a namespace with nothing in it but the loopback"]
    lines = [f"a pair of links: one end on the bridge {DEFAULT_BRIDGE}, the other is the container's eth0"]
    if running is None or running.address is None:
        return lines
    lines.append(
        f"{running.link} on the host, {running.address}/{running.prefix} in the container by {running.gateway}"
    )
    lines += [
        f"port {each.host_address}:{each.host_port} of the host leads to port {each.port}/{each.protocol} (nftables)"
        for each in running.ports
    ]
    return lines


def _digest(container: Container) -> Any:
    from oci_spec.digest import Digest

    return Digest.parse(container.settings.image_id or "")


def _short(text: str) -> str:
    return text[:_SHORT]


def _names(names: list[str]) -> str:
    return ", ".join(name.removeprefix("CAP_").lower() for name in names) or "none"


def _few(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_SHOWN
    return lines if more <= 0 else [*lines[:_MOST_SHOWN], f"… and {more} more"]
