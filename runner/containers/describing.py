"""All that is known of a container, in the form of docker's API ("ContainerInspect")."""

from __future__ import annotations

from typing import Any

from runner.containers import layers, liveness, records, status
from runner.containers.clock import NEVER
from runner.containers.folders import Folders, Place
from runner.containers.records import Container, Outcome, Running
from runner.containers.settings import BIND, HOST, TMPFS, VOLUME, Mount
from runner.containers.volumes import Volumes

_SHORT = 12
_NO_OUTCOME = Outcome(NEVER)


def describe(folders: Folders, place: Place) -> dict[str, Any]:
    """The container, its settings, and what it is doing now.

    Raises:
        ContainerUnknown: it has gone.
    """
    container = records.read(place)
    settings = container.settings
    words = (*(settings.entrypoint or ()), *(settings.command or ()))
    monitor = liveness.monitor_of(place)
    outcome = records.outcome(place)
    word = status.told(outcome, monitored=monitor is not None)
    running = records.running(place) if word == status.RUNNING else None
    return {
        "Id": container.id,
        "Created": container.created,
        "Path": words[0] if words else "",
        "Args": list(words[1:]),
        "State": _state(word, outcome or _NO_OUTCOME, running),
        "Image": settings.image_id or "",
        "ResolvConfPath": place.resolv_conf,
        "HostnamePath": place.hostname,
        "HostsPath": place.hosts,
        "LogPath": place.log if settings.log.driver != "none" else "",
        "Name": f"/{container.name}",
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "HostConfig": _host_config(container),
        "GraphDriver": {"Name": "overlay2", "Data": _graph(folders, place, container)},
        "Mounts": [_mount(folders, mount) for mount in settings.mounts if mount.kind != TMPFS],
        "Config": _config(container),
        "NetworkSettings": _network(container, running),
    }


def _state(word: str, outcome: Outcome, running: Running | None) -> dict[str, Any]:
    return {
        "Status": word,
        "Running": word == status.RUNNING,
        "Paused": False,
        "Restarting": False,
        "OOMKilled": outcome.oom_killed,
        "Dead": word == status.DEAD,
        "Pid": 0 if running is None else running.pid,
        "ExitCode": outcome.exit_code,
        "Error": outcome.error,
        "StartedAt": outcome.started or NEVER,
        "FinishedAt": outcome.finished,
    }


def _config(container: Container) -> dict[str, Any]:
    settings = container.settings
    return {
        "Hostname": settings.hostname or container.id[:_SHORT],
        "Domainname": "",
        "User": settings.user or "",
        "AttachStdin": container.foreground and settings.stdin_open,
        "AttachStdout": container.foreground,
        "AttachStderr": container.foreground,
        "ExposedPorts": {port: {} for port in settings.network.exposed_ports},
        "Tty": settings.terminal,
        "OpenStdin": settings.stdin_open,
        "StdinOnce": container.foreground and settings.stdin_open,
        "Env": list(settings.environment),
        "Cmd": None if settings.command is None else list(settings.command),
        "Image": settings.image,
        "Volumes": {mount.destination: {} for mount in settings.mounts if mount.kind == VOLUME} or None,
        "WorkingDir": settings.working_directory or "",
        "Entrypoint": None if settings.entrypoint is None else list(settings.entrypoint),
        "OnBuild": None,
        "Labels": dict(settings.labels),
        **({} if settings.stop_signal is None else {"StopSignal": settings.stop_signal}),
        **({} if settings.stop_timeout_s is None else {"StopTimeout": settings.stop_timeout_s}),
    }


def _host_config(container: Container) -> dict[str, Any]:
    settings = container.settings
    resources, security, namespaces = settings.resources, settings.security, settings.namespaces
    return {
        "Binds": [_bind(mount) for mount in settings.mounts if mount.kind != TMPFS] or None,
        "ContainerIDFile": settings.cidfile or "",
        "LogConfig": {"Type": settings.log.driver, "Config": _log_options(container)},
        "NetworkMode": settings.network.mode,
        "PortBindings": _bindings(container),
        "RestartPolicy": {"Name": settings.restart, "MaximumRetryCount": 0},
        "AutoRemove": settings.remove,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": list(security.capabilities_added) or None,
        "CapDrop": list(security.capabilities_dropped) or None,
        "CgroupnsMode": namespaces.cgroup or "",
        "Dns": list(settings.network.dns_servers),
        "DnsOptions": list(settings.network.dns_options),
        "DnsSearch": list(settings.network.dns_search),
        "ExtraHosts": list(settings.network.added_hosts) or None,
        "GroupAdd": list(settings.added_groups) or None,
        "IpcMode": namespaces.ipc,
        "OomScoreAdj": settings.oom_score_adj or 0,
        "PidMode": "" if namespaces.pid != HOST else HOST,
        "Privileged": security.privileged,
        "PublishAllPorts": settings.network.publish_all,
        "ReadonlyRootfs": settings.read_only,
        "SecurityOpt": _security_options(container),
        "Tmpfs": {mount.destination: ",".join(mount.options) for mount in settings.mounts if mount.kind == TMPFS},
        "UTSMode": "" if namespaces.uts != HOST else HOST,
        "ShmSize": settings.shm_size,
        "Sysctls": dict(settings.sysctls),
        "Runtime": settings.runtime or "runner-oci",
        "CpuShares": resources.cpu_shares or 0,
        "Memory": resources.memory or 0,
        "NanoCpus": resources.nano_cpus or 0,
        "CgroupParent": "",
        "BlkioWeight": resources.blkio_weight or 0,
        "CpuPeriod": resources.cpu_period_us or 0,
        "CpuQuota": resources.cpu_quota_us or 0,
        "CpusetCpus": resources.cpuset_cpus or "",
        "CpusetMems": resources.cpuset_mems or "",
        "Devices": [
            {"PathOnHost": each.host_path, "PathInContainer": each.path, "CgroupPermissions": each.permissions}
            for each in settings.devices
        ],
        "MemoryReservation": resources.memory_reservation or 0,
        "MemorySwap": resources.memory_swap or 0,
        "PidsLimit": resources.pids,
        "Ulimits": [{"Name": each.name, "Soft": each.soft, "Hard": each.hard} for each in settings.ulimits],
        "Init": settings.init,
    }


def _bind(mount: Mount) -> str:
    options = ["ro"] if mount.read_only else []
    options += [mount.propagation] if mount.propagation else []
    return ":".join((mount.source, mount.destination, *([",".join(options)] if options else [])))


def _log_options(container: Container) -> dict[str, str]:
    log = container.settings.log
    size = {} if log.max_size is None else {"max-size": str(log.max_size)}
    return {**size, **({"max-file": str(log.max_files)} if log.max_files != 1 else {})}


def _security_options(container: Container) -> list[str] | None:
    security = container.settings.security
    options = ["no-new-privileges"] if security.no_new_privileges else []
    options += [f"seccomp={security.seccomp}"] if security.seccomp is not None else []
    options += ["systempaths=unconfined"] if security.unmasked else []
    return options or None


def _bindings(container: Container) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for each in container.settings.network.publications:
        ports = "" if not each.first else str(each.first) if each.first == each.last else f"{each.first}-{each.last}"
        address = "" if each.address == "0.0.0.0" else each.address  # noqa: S104 - docker's word for every address
        bindings.setdefault(f"{each.port}/{each.protocol}", []).append({"HostIp": address, "HostPort": ports})
    return bindings


def _mount(folders: Folders, mount: Mount) -> dict[str, Any]:
    is_volume = mount.kind == VOLUME
    return {
        "Type": mount.kind,
        **({"Name": mount.source} if is_volume else {}),
        "Source": Volumes(folders.volumes).path(mount.source) if is_volume else mount.source,
        "Destination": mount.destination,
        **({"Driver": "local"} if is_volume else {}),
        "Mode": "",
        "RW": not mount.read_only,
        "Propagation": mount.propagation or ("rprivate" if mount.kind == BIND else ""),
    }


def _graph(folders: Folders, place: Place, container: Container) -> dict[str, str]:
    lower = [*reversed(layers.directories(folders, container))]
    return {
        "ID": container.id,
        "LowerDir": ":".join(lower),
        "MergedDir": place.rootfs,
        "UpperDir": place.upper,
        "WorkDir": place.work,
    }


def _network(container: Container, running: Running | None) -> dict[str, Any]:
    address = "" if running is None else running.address or ""
    gateway = "" if running is None else running.gateway or ""
    prefix = 0 if running is None else running.prefix or 0
    mac = "" if running is None else running.mac or ""
    mode = container.settings.network.mode
    return {
        "Bridge": "",
        "SandboxID": "",
        "SandboxKey": "" if running is None else f"/proc/{running.pid}/ns/net",
        "Ports": _ports(container, running),
        "Gateway": gateway,
        "IPAddress": address,
        "IPPrefixLen": prefix,
        "MacAddress": mac,
        "Networks": {
            mode: {"IPAddress": address, "IPPrefixLen": prefix, "Gateway": gateway, "MacAddress": mac, "Aliases": None}
        },
    }


def _ports(container: Container, running: Running | None) -> dict[str, list[dict[str, str]] | None]:
    if running is None:
        return {}
    ports: dict[str, list[dict[str, str]] | None] = dict.fromkeys(container.settings.network.own_ports)
    for each in running.ports:
        name = f"{each.port}/{each.protocol}"
        ports[name] = [*(ports.get(name) or []), {"HostIp": each.host_address, "HostPort": str(each.host_port)}]
    return ports
